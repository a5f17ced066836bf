"""What names and values of personal data look like."""

import re
from collections.abc import Iterator, Sequence
from functools import cache
from ipaddress import ip_address

from replicator.settings.definition import MaskRule
from replicator.shaping.masks.people import lists
from replicator.shaping.masks.value import Family

LOOKED_AT = (Family.TEXT, Family.DATE, Family.TIMESTAMP, Family.INET, Family.JSON, Family.INTEGER, Family.NUMERIC)
TEXT, FIGURES = (Family.TEXT,), (Family.TEXT, Family.INTEGER, Family.NUMERIC)
DATES = (Family.DATE, Family.TIMESTAMP)

KINDS: tuple[tuple[str, MaskRule, tuple[Family, ...], str], ...] = (
    ("an e-mail address", MaskRule("email"), TEXT, "email mail correo courriel epost emailadres posta"),
    (
        "a phone number",
        MaskRule("phone"),
        FIGURES,
        "phone tel telephone telefon telefono telefone telefoon mobile mobil handy cellphone cell movil celular gsm fax"
        " telefax msisdn rufnummer telefonnummer phonenumber",
    ),
    (
        "a first name",
        MaskRule("name", {"part": "first"}),
        TEXT,
        "firstname fname givenname forename vorname prenom nombre nome voornaam middlename",
    ),
    (
        "a last name",
        MaskRule("name", {"part": "last"}),
        TEXT,
        "lastname lname surname familyname nachname familienname nom apellido apellidos cognome sobrenome apelido"
        " achternaam maidenname",
    ),
    (
        "a name",
        MaskRule("name"),
        TEXT,
        "fullname realname displayname cardholder accountholder contactname personname"
        " customername username login nickname benutzername usuario utilisateur gebruikersnaam",
    ),
    (
        "an address",
        MaskRule("address"),
        TEXT,
        "address addr street adresse anschrift adres direccion indirizzo endereco rue calle strasse straat rua"
        " streetaddress",
    ),
    (
        "a postcode",
        MaskRule("text"),
        FIGURES,
        "zip zipcode postcode postalcode postal plz postleitzahl codepostal codigopostal cap cep",
    ),
    (
        "a date of birth",
        MaskRule("date"),
        (*DATES, Family.TEXT),
        "birthdate dateofbirth dob birthday birth born geburtsdatum geburtstag geboren naissance datenaissance"
        " nacimiento nascita nascimento geboortedatum",
    ),
    (
        "a card or an account",
        MaskRule("digits"),
        FIGURES,
        "iban creditcard creditcardnumber cardnumber cardno ccnumber ccnum pan kreditkarte kartennummer kontonummer"
        " accountnumber accountno bankaccount",
    ),
    (
        "an official number",
        MaskRule("text"),
        FIGURES,
        "ssn socialsecurity socialsecuritynumber nationalid passport passportnumber taxid steuernummer steuerid nif dni"
        " cpf cnpj bsn nie codicefiscale driverlicense driverslicense sozialversicherungsnummer ausweis vatid",
    ),
    ("an IP address", MaskRule("inet"), (Family.TEXT, Family.INET), "ip ipaddress ipaddr clientip remoteip remoteaddr"),
    (
        "a secret",
        MaskRule("text"),
        TEXT,
        "password passwd pwd passwort kennwort contrasena senha motdepasse wachtwoord passwordhash secret token apikey"
        " accesstoken refreshtoken",
    ),
)
"""What it is, the mask for it, the types, and words in names: written together, without accents."""
INSTEAD = {
    **dict.fromkeys((("text", Family.INTEGER), ("text", Family.NUMERIC)), MaskRule("digits")),
    ("date", Family.TEXT): MaskRule("text"),
}
"""By mask and type: what fits a column of another type than usual."""
NAMES_OF_PEOPLE = frozenset(
    [
        "user",
        "users",
        "customer",
        "customers",
        "person",
        "persons",
        "people",
        "employee",
        "employees",
        "staff",
        "contact",
        "contacts",
        "patient",
        "patients",
        "member",
        "members",
        "client",
        "clients",
        "kunde",
        "kunden",
        "mitarbeiter",
        "benutzer",
        "personne",
        "personnes",
        "persona",
        "personas",
        "cliente",
        "clientes",
        "klant",
        "klanten",
        "student",
        "students",
        "teacher",
        "author",
        "authors",
        "guest",
        "guests",
        "lead",
        "leads",
        "account",
        "accounts",
        "profile",
        "profiles",
        "actor",
        "actors",
        "driver",
        "drivers",
        "owner",
        "owners",
        "passenger",
        "passengers",
    ]
)
CITIES = frozenset(["city", "town", "ort", "stadt", "ville", "ciudad", "citta", "cidade", "plaats"])
OF_PEOPLE = frozenset(["name", "naam", "nombre", "nome", "nom"]) | CITIES
"""Names that say something about a person only in a table of people."""
NOT_PERSONAL = frozenset(
    [
        "id",
        "count",
        "type",
        "kind",
        "code",
        "status",
        "flag",
        "verified",
        "sent",
        "at",
        "confirmed",
        "format",
        "template",
        "subject",
    ]
)
"""A name that ends in one of these is about the thing before it."""
ACCENTS = str.maketrans("áàâäãåçéèêëíìîïñóòôöõúùûüý", "aaaaaaceeeeiiiinooooouuuuy") | {ord("ß"): "ss"}
WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-zß-ÿ]+|\d+")

EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[A-Za-z]{2,}")
PHONE = re.compile(r"(?:\+|00)?[\d\s()./-]{7,22}")
IBAN = re.compile(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}")
DATE = re.compile(r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}.*|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}.*")
FEWEST_NAMES = 10
"""Green and Rose are names, too."""
SOME_NAMES = 0.2
"""The share of values that must look so. No list has all names."""


def guess(table: str, column: str, family: Family, values: Sequence[str]) -> tuple[MaskRule, str] | None:
    """Return the mask for a column that looks personal, and why; None if it does not."""
    return _by_name(table, column, family) or _by_values(family, values)


def words(name: str) -> list[str]:
    """Return the words of a name in snake case or camel case, in lower case, without accents.

    >>> words("eMailAddress_2"), words("Straße")
    (['e', 'mail', 'address', '2'], ['strasse'])
    """
    return [word.lower().translate(ACCENTS) for word in WORD.findall(name)]


def _by_name(table: str, column: str, family: Family) -> tuple[MaskRule, str] | None:
    parts = [word for word in words(column) if not word.isdigit()]
    if not parts:
        return None
    end = len(parts)
    ends = [end] if parts[-1] in NOT_PERSONAL else range(1, end + 1)  # a postal code is one, an e-mail count is none
    runs = {"".join(parts[i:j]) for j in ends for i in range(j)}
    runs |= {run.removesuffix(plural) for run in runs for plural in ("s", "es")}
    for what, rule, families, known in KINDS:
        if family in families and not runs.isdisjoint(known.split()):
            return INSTEAD.get((rule.mask, family), rule), f"its name says {what}"
    if (
        family is Family.TEXT
        and parts[-1].removesuffix("s") in OF_PEOPLE
        and not NAMES_OF_PEOPLE.isdisjoint(words(table))
    ):
        rule = MaskRule("address", {"part": "city"}) if parts[-1] in CITIES else MaskRule("name")
        return rule, "its name, in a table of people"
    return None


def _by_values(family: Family, values: Sequence[str]) -> tuple[MaskRule, str] | None:
    if family is Family.INET:
        return MaskRule("inet"), "its type"
    if not values or family not in FIGURES:
        return None
    for test, rule, what, fewest, least in LOOKS if family is Family.TEXT else LOOKS_OF_NUMBERS:
        share = sum(map(test, values)) / len(values)
        if len(values) >= fewest and share >= least:
            return rule, f"{share:.0%} of its values look like {what}"
    share = _share_of_names(values) if family is Family.TEXT else 0.0
    if share >= SOME_NAMES:
        full = sum(" " in value.strip() for value in values) > len(values) / 2
        rule = MaskRule("name") if full else MaskRule("name", {"part": "first"})
        return rule, f"{share:.0%} of its values have a common name"
    return None


def is_email(text: str) -> bool:
    """Tell whether a text looks like an e-mail address."""
    return bool(EMAIL.fullmatch(text.strip()))


def is_ip(text: str) -> bool:
    """Tell whether a text is an IP address."""
    try:
        return bool(ip_address(text.strip()))
    except ValueError:
        return False


def is_phone(text: str) -> bool:
    """Tell whether a text looks like a phone number. Mere digits do not: they may be any number."""
    text = text.strip()
    digits = sum(c.isdigit() for c in text)
    formatted = text.startswith(("+", "00", "(", "0")) or bool(re.search(r"\d[\s/-]+\d", text))
    return (
        bool(PHONE.fullmatch(text)) and 7 <= digits <= 15 and formatted and not DATE.fullmatch(text) and not is_ip(text)
    )


def is_card(text: str) -> bool:
    """Tell whether a text has the check digit of a card number."""
    digits = re.sub(r"[ -]", "", text)
    if not (digits.isascii() and digits.isdigit() and 13 <= len(digits) <= 19 and digits[0] in "23456"):
        return False
    twice = (int(d) if n % 2 == 0 else sum(divmod(int(d) * 2, 10)) for n, d in enumerate(reversed(digits)))
    return sum(twice) % 10 == 0


def is_iban(text: str) -> bool:
    """Tell whether a text has the check digits of an IBAN."""
    text = text.replace(" ", "").upper()
    return bool(IBAN.fullmatch(text)) and int("".join(str(int(c, 36)) for c in text[4:] + text[:4])) % 97 == 1


LOOKS_OF_NUMBERS = ((is_card, MaskRule("digits"), "card numbers", 3, 0.9),)
LOOKS = (
    (is_email, MaskRule("email"), "e-mail addresses", 1, 0.1),
    (is_ip, MaskRule("inet"), "IP addresses", 3, 0.5),
    (is_iban, MaskRule("digits"), "IBANs", 1, 0.1),
    *LOOKS_OF_NUMBERS,
    (is_phone, MaskRule("phone"), "phone numbers", 3, 0.5),
)
"""Tests of values: the mask, what it is, how few values prove nothing, and the share that must look so."""


@cache
def _names() -> frozenset[str]:
    return frozenset(name.lower() for list in ("first", "last") for name in lists()[list])


def _share_of_names(values: Sequence[str]) -> float:
    """Return the share of different short values with a common name as a word."""
    short = {
        value for value in values if len(value) <= 40 and len(value.split()) <= 4 and not any(map(str.isdigit, value))
    }
    if len(short) < max(FEWEST_NAMES, len(set(values)) / 2):
        return 0.0
    return sum(not _names().isdisjoint(_parts(value)) for value in short) / len(short)


def _parts(value: str) -> Iterator[str]:
    return (part.strip(",.").lower() for part in value.split())
