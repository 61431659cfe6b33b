"""Weights are asked for with the certificates that the download trusts, as behind a proxy that reads TLS."""

import http.server
import os
import shutil
import ssl
import subprocess
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import huggingface_hub
import pytest

from medxfer.model import hub

CLIENTS = {"hub": hub._by_hub, "urllib": hub._by_urllib}


class Refusing(http.server.BaseHTTPRequestHandler):
    def do_HEAD(self) -> None:
        self.send_error(404)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """(address, certificate) of an HTTPS server on this machine that signed its certificate itself."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl makes the certificate")
    certificate, key = tmp_path / "own.pem", tmp_path / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", certificate],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as serving:
        serving.socket = context.wrap_socket(serving.socket, server_side=True)
        threading.Thread(target=serving.serve_forever, daemon=True).start()
        yield f"https://localhost:{serving.server_port}", certificate
        serving.shutdown()


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No certificates or proxies of the machine's own, and none left in clients that outlive a test."""
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    huggingface_hub.close_session()
    urllib.request.install_opener(None)  # from Python 3.12 on it keeps what it trusted at its first request
    yield
    huggingface_hub.close_session()
    urllib.request.install_opener(None)


@pytest.mark.parametrize("client", CLIENTS)
def test_a_certificate_that_nobody_vouches_for_is_the_reason(server, client):
    with pytest.raises(
        hub.UnreachableError, match=r"^localhost cannot be reached: its certificate is not trusted \(self"
    ):
        hub._ask(server[0], CLIENTS[client])


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
@pytest.mark.parametrize("client", CLIENTS)
def test_the_certificates_that_a_user_names_are_trusted_by_every_client(server, client, variable, monkeypatch):
    monkeypatch.setenv(variable, str(server[1]))
    hub._same_certificates()
    hub._ask(server[0], CLIENTS[client])  # it answers 404: it is there


def test_a_folder_of_certificates_is_taken_as_one(tmp_path, monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path))
    hub._same_certificates()
    assert os.environ["SSL_CERT_DIR"] == str(tmp_path)
    assert "SSL_CERT_FILE" not in os.environ
