"""The address of an object: what pg_depend calls it."""

from collections.abc import Iterator


class Address(int):
    """The address of an object in pg_depend: the OID of its system catalog and its OID there.

    It is a single number, which depend.sql computes: looking it up takes a third of the time of a tuple.
    """

    __slots__ = ()

    def __new__(cls, classid: int, objid: int) -> "Address":
        return super().__new__(cls, (classid << 32) + objid)

    @classmethod
    def packed(cls, number: int) -> "Address":
        """Return the address for such a number."""
        return super().__new__(cls, number)

    @property
    def classid(self) -> int:
        """The OID of its system catalog."""
        return self >> 32

    @property
    def objid(self) -> int:
        """Its OID there."""
        return self & 0xFFFFFFFF

    def __iter__(self) -> Iterator[int]:
        return iter((self.classid, self.objid))

    def __repr__(self) -> str:
        return f"Address(classid={self.classid}, objid={self.objid})"

    def __getnewargs__(self) -> tuple[int, int]:  # type: ignore[override]
        return self.classid, self.objid
