"""Fixtures live in fix_*.py, by subject."""

import pytest

pytest_plugins = ["tests.fix_servers", "tests.fix_cli", "tests.fix_peer"]
pytest.register_assert_rewrite("tests.fix_servers", "tests.fix_cli", "tests.fix_peer", "tests.roundtrip")
