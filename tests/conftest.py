"""Fixtures live in fix_*.py, by subject."""

import pytest

pytest_plugins = ["tests.fix_servers", "tests.fix_cli", "tests.fix_peer", "tests.fix_faults", "tests.fix_busy"]
pytest.register_assert_rewrite(*pytest_plugins, "tests.roundtrip", "tests.busy_judge")
