"""Who is let in, and what files others may read: tokens, keys, modes."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from backend.errors import InputError
from backend.service.config import ServeConfig
from backend.service.folder import write_private
from backend.service.keys import LOCAL, KeyFolder, new_pair
from backend.service.serve import serve as serve_here
from shared import messages as m
from shared.client import Client
from shared.connection import Connection, ConnectionFileError, read_connection
from shared.errors import ConnectionLost
from tests.service.conftest import Served, finish, submit
from tests.service.test_cli import propsmith

Serve, Connect = Callable[..., Served], Callable[..., Client]
posix = pytest.mark.skipif(os.name == "nt", reason="POSIX modes")


def refused(connection: Connection, folder: Path) -> None:
    """A client with that connection hears nothing."""
    path = folder / "other.json"
    write_private(path, connection.text())
    with Client(path) as client, pytest.raises(ConnectionLost):
        client.call(m.GetStatus(), timeout=1.5)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@posix
def test_secrets_are_the_users_alone(serve: Serve) -> None:
    served = serve(curve=True)
    data = served.folder / "data"
    for path in (served.file, data / "token", data / "keys" / "server.json"):
        assert mode(path) == 0o600, path
    for folder in (data, data / "jobs", data / "logs", data / "keys"):
        assert mode(folder) == 0o700, folder
    assert len((data / "token").read_text()) == 64
    told = (data / "logs" / "server.log").read_text()
    assert read_connection(served.file).token not in told


def test_a_wrong_token_gets_nothing(serve: Serve, connect: Connect) -> None:
    served = serve()
    connection = read_connection(served.file)
    refused(replace(connection, token="0" * 64), served.folder)
    status = connect().call(m.GetStatus())
    assert status.refused > 0 and status.clients == 1


def test_the_token_outlives_the_server(serve: Serve) -> None:
    served = serve()
    token = read_connection(served.file).token
    served.kill()
    served.start()
    assert read_connection(served.file).token == token


def test_curve_lets_the_authorised_in_and_nobody_else(serve: Serve, connect: Connect) -> None:
    served = serve(curve=True)
    connection = read_connection(served.file)
    client = connect()
    assert finish(client, submit(client)).state == "done"
    public, secret = new_pair()
    strangers = {
        "a wrong key of its own": replace(connection, public_key=public, secret_key=secret),
        "another server's key": replace(connection, server_key=new_pair()[0]),
        "no key at all": replace(connection, server_key="", public_key="", secret_key=""),
        "another token": replace(connection, token="0" * 64),
    }
    for stranger in strangers.values():
        refused(stranger, served.folder)
    assert client.call(m.GetStatus()).clients == 1


def test_a_revoked_client_is_locked_out_at_once(serve: Serve, connect: Connect) -> None:
    served = serve(curve=True)
    keys = KeyFolder(served.folder / "data")
    laptop = keys.for_client("laptop", read_connection(served.file))
    path = served.folder / "laptop.json"
    write_private(path, laptop.text())
    with Client(path, "laptop") as client:
        assert client.call(m.GetStatus()).clients == 1
    keys.revoke("laptop")
    refused(laptop, served.folder)


@pytest.mark.parametrize("address", ["0.0.0.0", "192.168.1.5", "::", "localhost.example", ""])
def test_another_address_than_loopback_needs_keys(address: str, tmp_path: Path) -> None:
    config = ServeConfig(tmp_path / "data", tmp_path / "connection.json", bind=address)
    with pytest.raises(InputError, match="needs keys"):
        serve_here(config)
    KeyFolder(tmp_path / "data").authorise(LOCAL, new_pair()[0])  # ours alone is nobody's
    with pytest.raises(InputError, match="needs keys"):
        serve_here(config)


def test_a_clients_file_may_go_down_a_pipe(tmp_path: Path) -> None:
    """As out of a container, whose user can write nowhere else."""
    data = tmp_path / "data"
    made = ("keys", "--data", str(data), "--client", "laptop")
    run = propsmith(*made, "--host", "gpu.example", "--port", "7000", "-o", "-")
    values = json.loads(run.stdout)
    assert values["addresses"]["requests"] == "tcp://gpu.example:7000"
    assert KeyFolder(data).clients() == {"laptop": values["public_key"]}
    assert "Pairing key" in run.stderr and list(tmp_path.iterdir()) == [data]


def test_keys_are_made_listed_and_revoked(tmp_path: Path) -> None:
    data, file = tmp_path / "data", tmp_path / "laptop.json"
    made = ("keys", "--data", str(data), "--client", "laptop")
    run = propsmith(*made, "--host", "10.0.0.2", "--port", "7000", "-o", str(file))
    assert run.returncode == 0, run.stderr
    connection = read_connection(file)
    assert connection.addresses["stream"] == "tcp://10.0.0.2:7002" and mode(file) == 0o600
    assert connection.token == (data / "token").read_text()
    listed = propsmith("keys", "--data", str(data)).stdout
    assert connection.public_key in listed and connection.server_key in listed
    assert connection.secret_key not in listed
    assert json.loads((data / "keys" / "server.json").read_text())["secret"] not in listed
    assert propsmith("keys", "--data", str(data), "--revoke", "laptop").returncode == 0
    again = propsmith("keys", "--data", str(data), "--revoke", "laptop")
    assert again.returncode == 2 and "no client 'laptop'" in again.stderr
    for bad in (("--client", "../x", "--public-key", "k"), ("--client", "x", "--public-key", "k")):
        assert propsmith("keys", "--data", str(data), *bad).returncode == 2


@posix
def test_connection_files_that_others_may_read_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "connection.json"
    path.write_text(Connection({}, "t", "1.0").text())
    path.chmod(0o644)
    with pytest.raises(ConnectionFileError, match="chmod 600"):
        read_connection(path)
    path.chmod(0o600)
    for text in ("", "{", "[]", "{}", Connection({}, "t", "1.0").text()):
        path.write_text(text)
        with pytest.raises(ConnectionFileError):
            read_connection(path)
