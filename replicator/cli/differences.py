"""Differences, for programs: as in show/schema.json."""

from typing import Any

from replicator.comparing import Mismatch
from replicator.comparing.sides import RowDifference


def difference_as_data(mismatch: Mismatch) -> dict[str, Any]:
    """Return what a person is told of a difference, without secrets; fields that say nothing are left out."""
    public = mismatch.public()
    more = {
        "counts": public.counts,
        "statement": public.statement,
        "definitions": public.definitions,
        "rows": list(map(_row_as_data, public.rows)),
        "repair": public.repair,
        "fix": public.fix,
    }
    return {
        "what": public.what,
        "how": public.how,
        "kind": public.kind,
        "about": public.about,
        "repaired": public.repaired,
        **{name: value for name, value in more.items() if value},
    }


def _row_as_data(row: RowDifference) -> dict[str, Any]:
    """Return a row without what only finds it again."""
    sides = {"source": row.source, "destination": row.destination}
    return {"how": row.how, "key": row.key, "times": row.times} | {
        side: values for side, values in sides.items() if values is not None
    }
