"""Bindings as Secrets really are: our own, Strimzi's, CloudNativePG's, and those that lack something."""

import pytest

from mesoscale import bindings
from mesoscale.bindings import Bindings, Kafka, PostgreSQL, Webhook
from mesoscale.errors import ServiceUnavailable

CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----"
KEY = "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----"
SIGNING, OTHER = f"whsec_{8 * 'QUJD'}", f"whsec_{8 * 'REVG'}"  # of 24 bytes
BROKERS = {"bootstrap-servers": "kafka:9093"}


def kafka(**entries: str) -> Kafka | None:
    return bindings.parse({f"kafka/{name}": text for name, text in entries.items()}).kafka


def postgresql(**entries: str) -> PostgreSQL | None:
    return bindings.parse({f"postgresql/{name}": text for name, text in entries.items()}).postgresql


@pytest.mark.parametrize(
    ("entries", "wanted"),
    [
        ({}, Kafka("kafka:9093")),
        ({"security-protocol": "plaintext", "username": "left over"}, Kafka("kafka:9093")),
        ({"ca.crt": CERTIFICATE + "\n"}, Kafka("kafka:9093", "SSL", ca=CERTIFICATE)),
        (
            {"ca.crt": "/certificates/ca.crt", "user.crt": CERTIFICATE, "user.key": KEY, "user.p12": "�"},
            Kafka("kafka:9093", "SSL", ca="/certificates/ca.crt", certificate=CERTIFICATE, key=KEY),
        ),
        (
            {"username": "nyc", "password": "secret"},
            Kafka("kafka:9093", "SASL_PLAINTEXT", "SCRAM-SHA-512", "nyc", "secret"),
        ),
        (
            {"username": "nyc", "password": "secret", "ca.crt": CERTIFICATE, "sasl-mechanism": "scram-sha-256"},
            Kafka("kafka:9093", "SASL_SSL", "SCRAM-SHA-256", "nyc", "secret", CERTIFICATE),
        ),
        (
            {"username": "nyc", "password": "secret", "security-protocol": "SASL_SSL", "sasl-mechanism": "PLAIN"},
            Kafka("kafka:9093", "SASL_SSL", "PLAIN", "nyc", "secret"),
        ),
    ],
)
def test_what_a_secret_leaves_unsaid_follows_from_what_it_holds(entries: dict[str, str], wanted: Kafka) -> None:
    assert kafka(**BROKERS, **entries) == wanted


@pytest.mark.parametrize(
    "entries",
    [
        {"host": "db-rw", "port": "5432", "database": "weather", "username": "nyc", "password": "p/w"},
        {
            "host": "db-rw",
            "port": "5432",
            "dbname": "weather",
            "user": "nyc",
            "username": "nyc",
            "password": "p/w",
            "uri": "postgresql://nyc:p%2Fw@db-rw.here:5432/weather",
            "jdbc-uri": "jdbc:postgresql://db-rw.here:5432/weather?password=p%2Fw&user=nyc",
            "pgpass": "db-rw:5432:weather:nyc:p/w\n",
        },
        {"uri": "postgresql://nyc:p%2Fw@db-rw/weather"},
        {"uri": "postgres://other:x@db-rw:1/weather", "port": "5432", "user": "nyc", "password": "p/w"},
    ],
    ids=["ours", "cloudnative-pg", "uri", "entries-before-the-uri"],
)
def test_a_database_is_found_by_any_of_its_names(entries: dict[str, str]) -> None:
    assert postgresql(**entries) == PostgreSQL("db-rw", 5432, "weather", "nyc", "p/w")


@pytest.mark.parametrize(
    ("entries", "sslmode", "sslrootcert"),
    [
        ({"sslmode": "require"}, "require", ""),
        ({"ca.crt": "/db/ca.crt"}, "verify-full", "/db/ca.crt"),
        ({"sslrootcert": "/db/root.crt", "sslmode": "Verify-CA"}, "verify-ca", "/db/root.crt"),
        ({"uri": "postgresql://h/d?sslmode=verify-ca&sslrootcert=/root.crt"}, "verify-ca", "/root.crt"),
    ],
)
def test_a_named_authority_is_asked_for(entries: dict[str, str], sslmode: str, sslrootcert: str) -> None:
    found = postgresql(host="h", dbname="d", username="u", password="p", **entries)
    assert found == PostgreSQL("h", 5432, "d", "u", "p", sslmode, sslrootcert)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"kafka/type": "kafka"}, "the binding kafka has no entry bootstrap-servers (type)"),
        ({"kafka/bootstrap-servers": "k", "kafka/security-protocol": "SALS_SSL"}, 'did you mean "SASL_SSL"?'),
        ({"kafka/bootstrap-servers": "k", "kafka/username": "u"}, "no entry password (bootstrap-servers, username)"),
        ({"kafka/bootstrap-servers": "k", "kafka/user.crt": CERTIFICATE}, "has no entry user.key"),
        ({"kafka/bootstrap-servers": "k", "kafka/username": "u", "kafka/sasl-mechanism": "GSSAPI"}, "none of PLAIN"),
        ({"postgresql/host": "h", "postgresql/password": "p"}, "no entry database or dbname (host, password)"),
        ({"postgresql/host": "h", "postgresql/port": "http"}, 'the port "http", which is not a number'),
        ({"postgresql/uri": "postgresql://u:secret/word@h/d"}, "a uri that cannot be understood"),
        ({"postgresql/uri": "postgresql://u:p@h/d?sslmode=required"}, 'did you mean "require"?'),
        ({"webhook-alerts/url": "https://h/secret"}, "the binding webhook-alerts has no entry key (url)"),
        ({"webhook-alerts/key": "whsec_secret"}, "has a key that is not whsec_ and 24 to 64 bytes in base64"),
        ({"webhook-alerts/key": 40 * "QUJD"}, "has a key that is not whsec_"),
        ({"webhook-alerts/key": f"{SIGNING}\nwhsec_{22 * 'QUJD'}"}, "has a key that is not whsec_"),
        ({"webhook-alerts/key": SIGNING, "webhook-alerts/url": "https://u:secret@h/"}, "has a url that is not http"),
        ({"webhook-alerts/key": SIGNING, "webhook-alerts/url": "h/secret"}, "has a url that is not http"),
    ],
)
def test_what_is_missing_or_wrong_is_named(files: dict[str, str], message: str) -> None:
    with pytest.raises(ServiceUnavailable) as refused:
        bindings.parse(files)
    assert message in str(refused.value)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    "bound",
    [
        Bindings(),
        Bindings(Kafka("k:1"), PostgreSQL("h", 5, "d", "u", "p")),
        Bindings(Kafka("k:1", "SASL_SSL", "PLAIN", "u", "p", "/ca.crt")),
        Bindings(Kafka("k:1", "SSL", ca=CERTIFICATE, certificate=CERTIFICATE, key=KEY)),
        Bindings(postgresql=PostgreSQL("h", 5, "d", "u", "p", "verify-full", "/ca.crt")),
        Bindings(webhooks={"a": Webhook(SIGNING), "b": Webhook(f"{SIGNING}\n{OTHER}", "https://h:1/p?q=1", "/ca.crt")}),
    ],
)
def test_what_is_written_is_read_back(bound: Bindings) -> None:
    assert bindings.parse(bound.files()) == bound


def test_no_secret_is_printed() -> None:
    bound = Bindings(
        Kafka("k:1", "SASL_SSL", "PLAIN", "u", "secret", key="secret"),
        PostgreSQL("h", 5, "d", "u", "secret"),
        {"a": Webhook("secret", "https://h/secret")},
    )
    assert "secret" not in repr(bound)


def test_a_webhook_has_its_address_from_the_document_or_else_from_its_secret() -> None:
    bound = Bindings(webhooks={"a": Webhook(f"{SIGNING}\n{OTHER}"), "b": Webhook(SIGNING, "https://b/")})
    assert bound.demand_webhook("call", "a", "https://a/").url == "https://a/"
    assert bound.demand_webhook("call", "b", "https://a/").url == "https://a/"
    assert bound.demand_webhook("call", "b", None).url == "https://b/"
    assert bound.webhooks["a"].keys == (8 * b"ABC", 8 * b"DEF")
    with pytest.raises(ServiceUnavailable, match="neither the document nor secret a says where"):
        bound.demand_webhook("call", "a", None)
    with pytest.raises(ServiceUnavailable, match='"call" needs webhook-c, and the bindings have none'):
        bound.demand_webhook("call", "c", "https://a/")
