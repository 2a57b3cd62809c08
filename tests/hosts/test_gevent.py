"""The blocking adapter in a program that gevent has patched, before the import or after it, with TLS and without."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from dicomwire import AE, build_context
from tests.support.certificates import self_signed
from tests.support.processes import run_python

pytest.importorskip("gevent")

PROGRAM = dedent("""
    import sys
    when, pem = sys.argv[1:]
    if when == "early":
        from gevent import monkey
        monkey.patch_all()
    import dicomwire
    from dicomwire import AE, build_context, evt
    from dicomwire.sources import EncodedDataSet
    import dicomwire.transport
    if when == "late":
        from gevent import monkey
        monkey.patch_all()
    import socket, ssl, threading, time
    import gevent

    assert socket.socket.__module__.startswith("gevent")
    VERIFICATION, CT = "1.2.840.10008.1.1", "1.2.840.10008.5.1.4.1.1.2"
    CONTEXTS = [build_context(VERIFICATION), build_context(CT, "1.2.840.10008.1.2")]
    serving, calling = None, None
    if pem:
        serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        serving.load_cert_chain(pem)
        calling = ssl.create_default_context(cafile=pem), "localhost"

    ticks = 0
    def tick():
        global ticks
        while True:
            time.sleep(0.005)
            ticks += 1
    threading.Thread(target=tick, daemon=True).start()

    never, lengths = threading.Event(), []
    def store(event):
        lengths.append(len(event.request.DataSet.getvalue()))
        return 0
    def echo(event):
        if event.message_id == 7:
            never.wait(0.8)
        return 0

    ae = AE()
    ae.maximum_associations = 50
    server = ae.start_server(("127.0.0.1", 0), block=False, contexts=CONTEXTS, ssl_context=serving,
                             evt_handlers=[(evt.EVT_C_STORE, store), (evt.EVT_C_ECHO, echo)])
    def associate():
        association = ae.associate("127.0.0.1", server.server_address[1], CONTEXTS, tls_args=calling)
        assert association.is_established, association.failure
        return association
    def image(size):
        head = b"\\x08\\0\\x18\\0\\6\\0\\0\\0001.2.3\\0" + b"\\xe0\\x7f\\x10\\0"
        data = head + size.to_bytes(4, "little") + bytes(size)
        return EncodedDataSet(
            sop_class_uid=CT, sop_instance_uid="1.2.3", transfer_syntax_uid="1.2.840.10008.1.2", data=data
        )
    """)

SCENARIOS = dedent("""
    print('operations in many greenlets', flush=True)
    association = associate()
    assert association.send_c_echo().Status == 0
    assert association.send_c_store(image(8 << 20)).Status == 0
    assert lengths == [(8 << 20) + 22], lengths
    statuses = []
    def use():
        with associate() as another:
            statuses.append(another.send_c_store(image(100_000)).Status)
            statuses.append(association.send_c_echo().Status)
    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    assert statuses == [0] * 16, statuses
    association.release()
    assert association.is_released
    print('waiting lets others run, and has an end', flush=True)
    association = associate()
    association.dimse_timeout = 0.3
    before = ticks
    assert not association.send_c_echo(msg_id=7)
    assert association.is_aborted and "a response" in association.failure
    assert ticks - before > 20, ticks - before
    print('gevent.Timeout aborts', flush=True)
    association = associate()
    try:
        with gevent.Timeout(0.2):
            association.send_c_echo(msg_id=7)
    except gevent.Timeout:
        assert association.is_aborted
    else:
        raise AssertionError("no Timeout")
    association = associate()
    assert association.send_c_echo().Status == 0
    greenlet = gevent.spawn(association.send_c_echo, 7)
    gevent.sleep(0.1)
    greenlet.kill()
    assert association.is_aborted
    print('abort by another greenlet', flush=True)
    association = associate()
    answers = []
    thread = threading.Thread(target=lambda: answers.append(association.send_c_echo(msg_id=7)))
    thread.start()
    gevent.sleep(0.1)
    association.abort()
    thread.join(5)
    assert not thread.is_alive() and len(answers[0]) == 0 and association.is_aborted
    print('an idle association notices what its peer does', flush=True)
    association = associate()
    gevent.sleep(0.15)
    for other in server.active_associations:
        other.abort()
    deadline = time.monotonic() + 5
    while not association.is_aborted and time.monotonic() < deadline:
        gevent.sleep(0.01)
    assert association.is_aborted
    association = associate()
    ae.network_timeout = 0.1
    while not association.is_aborted and time.monotonic() < deadline:
        gevent.sleep(0.01)
    assert association.is_aborted
    """)


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return self_signed(tmp_path_factory.mktemp("gevent"))


@pytest.mark.parametrize("when", ["early", "late"])
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_gevent(tls: bool, when: str, pem: Path) -> None:
    # Its own warnings about patching late are its business.
    run_python(PROGRAM + SCENARIOS + "ae.shutdown()\n", when, str(pem) if tls else "", seconds=20, warnings="ignore")


def test_eventlet_is_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    class Green(socket.socket):
        """Stands for a patched one."""

    Green.__module__ = "eventlet.greenio.base"
    monkeypatch.setattr(socket, "socket", Green)
    ae, context = AE(), [build_context("1.2.840.10008.1.1")]
    with pytest.raises(RuntimeError, match="does not support eventlet"):
        ae.associate("127.0.0.1", 11112, context)
    with pytest.raises(RuntimeError, match="does not support eventlet"):
        ae.start_server(("127.0.0.1", 0), block=False, contexts=context)
