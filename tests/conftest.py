"""Fixtures live in fix_*.py, by subject."""

import pytest

pytest_plugins = ["tests.fix_servers"]
pytest.register_assert_rewrite("tests.fix_servers", "tests.roundtrip")
