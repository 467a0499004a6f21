"""How the server is set up: one TOML file, the environment above it, the options of the command above both.

    [server]
    host = "0.0.0.0"
    public_url = "https://her2path.example.org"
    token_file = "/run/secrets/her2path-token"

    [[client]]
    issuer = "https://ehr.example.org"
    jku = ["https://ehr.example.org/.well-known/jwks.json"]
    fhir_servers = ["https://ehr.example.org/fhir"]

Without any of it the server listens on this machine alone. Elsewhere it starts only where it knows whom to let in.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from ..facts.problem import AskedWrongly

MOST_BYTES = 1 << 20
"""A file of configuration is some kilobytes."""
SHORTEST_TOKEN = 20
"""Characters: a token is made by a machine, such as by `openssl rand -hex 32`."""
LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")
ALGORITHMS = ("ES384", "RS384", "ES256", "RS256")
"""By which a client may sign. None of them is symmetric; `none` is not among them."""
ENVIRONMENT = {
    "HER2PATH_SERVE_HOST": ("server", "host"),
    "HER2PATH_SERVE_PORT": ("server", "port"),
    "HER2PATH_SERVE_PUBLIC_URL": ("server", "public_url"),
    "HER2PATH_SERVE_TOKEN": ("server", "token"),
    "HER2PATH_SERVE_TOKEN_FILE": ("server", "token_file"),
    "HER2PATH_SERVE_DATABASE": ("advice", "database"),
}
"""What may be said by the environment, and where it would stand in the file."""


class Server(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the server listens, how others call it, and by which token persons and programs enter.

    `public_url` is the address by which clients reach it, without a slash at its end; it is the audience of their
    JWTs. `hosts` are further names in the header Host that are answered. `cors_origins` are the web pages of other
    places that may call the CDS Hooks endpoints from a browser. `proxies` are addresses of proxies whose
    `X-Forwarded-For` is believed.
    """

    host: str = "127.0.0.1"
    port: int = 8321
    public_url: str = ""
    token: str = ""
    token_file: str = ""
    hosts: tuple[str, ...] = ()
    cors_origins: tuple[str, ...] = ()
    proxies: tuple[str, ...] = ()


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much and how long: bytes of a body, seconds, requests of one address in a minute, requests at once."""

    body_bytes: int = 4_000_000
    upload_bytes: int = 200_000_000
    body_seconds: float = 10.0
    request_seconds: float = 30.0
    requests_per_minute: int = 6_000
    at_once: int = 100


class Client(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A record system that may call: who it is, where its keys are, which FHIR servers it may name.

    Keys come from the addresses `jku` or from the file `keys_file` (a JWK set). `lifetime_seconds` is the longest that
    one of its JWTs may live, `leeway_seconds` how far its clock may be off. `private` are hosts inside the own
    network that may be asked although their address is private.
    """

    issuer: str
    jku: tuple[str, ...] = ()
    keys_file: str = ""
    algorithms: tuple[str, ...] = ALGORITHMS
    fhir_servers: tuple[str, ...] = ()
    lifetime_seconds: int = 900
    leeway_seconds: int = 60
    private: tuple[str, ...] = ()


class Smart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A record system from which the page of a patient may be opened: the address of its FHIR server, and our id there.

    `scope` is asked beside the launch; `private` are its hosts inside the own network.
    """

    issuer: str
    client_id: str
    client_secret: str = ""
    scope: str = "openid fhirUser patient/*.rs"
    private: tuple[str, ...] = ()


class Fhir(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is asked of a record system's FHIR server where prefetch is partial: seconds, bytes, pages.

    `open_servers` may be asked for a client that sends no JWT: only for a server that nobody else can reach.
    """

    seconds: float = 1.5
    total_seconds: float = 4.0
    most_bytes: int = 8_000_000
    most_pages: int = 10
    open_servers: tuple[str, ...] = ()
    private: tuple[str, ...] = ()


class AdviceStore(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the records of advice are kept: an address of SQLAlchemy; "" for a file in the user's folder."""

    database: str = ""


class Configuration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything that the server is told. `prefetch` are templates of the site, by key, in the place of ours."""

    server: Server = Server()
    limits: Limits = Limits()
    client: tuple[Client, ...] = ()
    smart: tuple[Smart, ...] = ()
    fhir: Fhir = Fhir()
    prefetch: dict[str, str] = {}
    advice: AdviceStore = AdviceStore()

    @property
    def is_local(self) -> bool:
        """Whether nobody but this machine can reach it."""
        return is_loopback(self.server.host)

    @property
    def base(self) -> str:
        """The address by which it is called, without a slash at its end."""
        if self.server.public_url:
            return self.server.public_url
        host = f"[{self.server.host}]" if ":" in self.server.host else self.server.host
        return f"http://{host}:{self.server.port}"

    @property
    def allowed_hosts(self) -> frozenset[str]:
        """The names, in small letters and without a port, by which it answers to."""
        names = {*self.server.hosts, self.server.host, urlsplit(self.base).hostname or ""}
        if self.is_local:
            names |= {*LOCAL_NAMES}
        return frozenset(name.lower() for name in names if name)


def is_loopback(host: str) -> bool:
    """Whether a host is this machine, seen from itself alone."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def read_configuration(
    path: Path | None = None,
    environment: Mapping[str, str] | None = None,
    **options: str | int | None,
) -> Configuration:
    """The configuration of a file, of the environment and of options (names of `[server]`), checked.

    Raises `AskedWrongly`, which names the file and the field, where it cannot be used, and where it would listen
    beyond this machine without knowing whom to let in.
    """
    said: dict[str, Any] = _table(path) if path is not None else {}
    _require_known(said, Configuration, path)
    for name, (section, field) in ENVIRONMENT.items():
        value = (os.environ if environment is None else environment).get(name)
        if value:
            said[section] = {
                **_section(said, section),
                field: int(value) if field == "port" and value.isdigit() else value,
            }
    given = {name: value for name, value in options.items() if value is not None}
    if given:
        said["server"] = {**_section(said, "server"), **given}
    try:
        configuration = msgspec.convert(said, Configuration)
    except msgspec.ValidationError as error:
        raise AskedWrongly(f"{_called(path)}: {error}") from error
    configuration = _with_token(configuration, path)
    _require_usable(configuration, path)
    return configuration


def _called(path: Path | None) -> str:
    return "the configuration" if path is None else str(path)


def _section(said: Mapping[str, Any], name: str) -> dict[str, Any]:
    section = said.get(name, {})
    return section if isinstance(section, dict) else {}


def _table(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise AskedWrongly(f"{path} is larger than {MOST_BYTES >> 20} MB: that is no configuration")
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeError) as error:
        raise AskedWrongly(f"{path} cannot be read: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise AskedWrongly(f"{path} is no TOML: {error}") from error


def _require_known(said: Mapping[str, Any], kind: type[msgspec.Struct], path: Path | None, at: str = "") -> None:
    """Raise for a name that there is not, with the nearest that there is."""
    kinds: dict[str, type[msgspec.Struct]] = {
        "server": Server, "limits": Limits, "client": Client, "smart": Smart, "fhir": Fhir, "advice": AdviceStore,
    }  # fmt: skip
    known = [field.name for field in msgspec.structs.fields(kind)]
    for name, value in said.items():
        if name not in known:
            near = get_close_matches(name, known, 1)
            advice = f"is {near[0]} meant?" if near else f"there are {', '.join(known)}"
            raise AskedWrongly(f"{_called(path)}: {at}{name} is not known; {advice}")
        if not at and name in kinds:
            for entry in value if isinstance(value, list) else [value]:
                if isinstance(entry, dict):
                    _require_known(entry, kinds[name], path, f"[{name}] ")


def _with_token(configuration: Configuration, path: Path | None) -> Configuration:
    server = configuration.server
    if not server.token_file:
        return configuration
    if server.token:
        raise AskedWrongly(f"{_called(path)}: [server] has a token and a token_file: keep one of them")
    try:
        token = Path(server.token_file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeError) as error:
        raise AskedWrongly(f"{_called(path)}: [server] token_file cannot be read: {error}") from error
    if not token:
        raise AskedWrongly(f"{_called(path)}: [server] token_file {server.token_file} is empty")
    return msgspec.structs.replace(configuration, server=msgspec.structs.replace(server, token=token))


def _require_usable(configuration: Configuration, path: Path | None) -> None:
    server, called = configuration.server, _called(path)
    if not 0 <= server.port <= 65535:
        raise AskedWrongly(f"{called}: [server] port is {server.port}; expected 0 to 65535")
    if server.token and len(server.token) < SHORTEST_TOKEN:
        raise AskedWrongly(f"{called}: the token is shorter than {SHORTEST_TOKEN} characters; openssl rand -hex 32")
    if server.public_url:
        address = urlsplit(server.public_url)
        if address.scheme not in ("http", "https") or not address.hostname or server.public_url.endswith("/"):
            raise AskedWrongly(
                f"{called}: [server] public_url is {server.public_url!r}; expected https://name, without / at its end"
            )
    for name, number in msgspec.structs.asdict(configuration.limits).items():
        if number <= 0:
            raise AskedWrongly(f"{called}: [limits] {name} is {number}; expected more than 0")
    for key, template in configuration.prefetch.items():
        if not template or "://" in template or template.startswith("/"):
            raise AskedWrongly(
                f"{called}: [prefetch] {key} is {template!r}; expected such as Patient/{{{{context.patientId}}}}"
            )
    for client in configuration.client:
        _require_client(client, called)
    for smart in configuration.smart:
        parts = urlsplit(smart.issuer)
        if not parts.hostname or (parts.scheme != "https" and parts.hostname not in smart.private):
            raise AskedWrongly(f"{called}: [[smart]] issuer {smart.issuer!r} is no https address")
        if not smart.client_id or (not configuration.is_local and not configuration.base.startswith("https:")):
            raise AskedWrongly(f"{called}: [[smart]] {smart.issuer!r} needs a client_id, and a public_url of https")
    if not configuration.is_local and not server.token and not configuration.client:
        raise AskedWrongly(
            f"{server.host} can be reached by others, and nobody is asked who they are: give a token "
            "(HER2PATH_SERVE_TOKEN or [server] token_file) or a [[client]] with its keys; or listen on 127.0.0.1"
        )
    if server.host in ("0.0.0.0", "::") and not server.public_url and not server.hosts:
        raise AskedWrongly(
            f"{server.host} is every address of this machine: say by which name it is called ([server] public_url, "
            "HER2PATH_SERVE_PUBLIC_URL), since no other name is answered"
        )


def _require_client(client: Client, called: str) -> None:
    where = f"{called}: [[client]] {client.issuer!r}"
    if not client.issuer:
        raise AskedWrongly(f"{called}: a [[client]] has no issuer")
    if bool(client.jku) == bool(client.keys_file):
        raise AskedWrongly(f"{where} needs either jku (addresses of its keys) or keys_file (a JWK set)")
    for address in (*client.jku, *client.fhir_servers):
        parts = urlsplit(address)
        private = parts.hostname in client.private
        if not parts.hostname or parts.username or (parts.scheme != "https" and not (private and parts.scheme)):
            raise AskedWrongly(f"{where}: {address!r} is no https address")
    for algorithm in client.algorithms:
        if algorithm not in ALGORITHMS:
            raise AskedWrongly(f"{where}: algorithm {algorithm!r} is not one of {', '.join(ALGORITHMS)}")
    if not 0 < client.lifetime_seconds <= 3600 or not 0 <= client.leeway_seconds <= 300:
        raise AskedWrongly(f"{where}: lifetime_seconds is 1 to 3600, leeway_seconds 0 to 300")
