"""Stories for which the receiver is a process of its own: killed, watched, probed, shared."""

from __future__ import annotations

import os
import re
import signal
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import pytest
from pydicom import dcmread
from pydicom.uid import CTImageStorage, generate_uid

from medq_node.errors import ConfigError
from medq_node.receiver import ReceiverSettings, serve
from tests.conftest import require_program
from tests.receiver.conftest import Running, ct_image, data_set_bytes, eventually, free_port
from tests.receiver.test_messages import store_command
from tests.receiver.test_storing import raw, values

Start = Callable[..., Running]


def status_of(pid: int, name: str) -> int:
    """A number out of /proc/PID/status; kB for memory."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1])
    raise KeyError(name)


def open_files(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


def test_a_killed_receiver_leaves_only_temp_files_and_the_next_one_removes_them(
    receiver_process: Start, tmp_path: Path
) -> None:
    node = receiver_process()
    whole = node.associate()
    assert whole.send_c_store(ct_image()).Status == 0x0000
    half = node.associate()
    raw(half, values((3, store_command(1, CTImageStorage, generate_uid())), (0, bytes(3000))))
    assert eventually(lambda: len(node.parts) == 1)
    os.kill(node.pid, signal.SIGKILL)
    assert eventually(lambda: not half.is_established)
    assert len(node.stored) == 1
    assert len(node.parts) == 1

    again = receiver_process()
    assert again.parts == []
    assert again.stored == node.stored
    assoc = again.associate()
    assert assoc.send_c_store(ct_image()).Status == 0x0000
    assoc.release()
    assert len(again.stored) == 2
    assert again.stored[0] == node.stored[0]


def test_memory_stays_bounded_while_a_large_object_comes_in(receiver_process: Start) -> None:
    node = receiver_process()
    assoc = node.associate()
    assert assoc.send_c_store(ct_image()).Status == 0x0000
    before_kb = status_of(node.pid, "VmHWM")
    block = values((0, os.urandom(100_000)))
    assoc._reactor_checkpoint.clear()
    raw(assoc, values((3, store_command(5, CTImageStorage, generate_uid()))))
    for _ in range(960):
        raw(assoc, block)
    raw(assoc, values((2, b"\0\0")))
    _, response = assoc.dimse.get_msg(block=True)
    assoc._reactor_checkpoint.set()
    assert response is not None
    assert response.Status == 0x0000
    assoc.release()
    assert len(data_set_bytes(node.stored[-1])) == 96_000_002
    assert status_of(node.pid, "VmHWM") - before_kb < 8_000


def test_probes_of_a_load_balancer_leave_no_threads_files_or_memory(
    receiver_process: Start,
) -> None:
    node = receiver_process()

    def probe(count: int) -> None:
        for number in range(count):
            connection = socket.create_connection(("127.0.0.1", node.port), timeout=5)
            if number % 2:  # some balancers reset instead of closing
                linger = struct.pack("ii", 1, 0)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            connection.close()
        assert eventually(lambda: status_of(node.pid, "Threads") <= threads, 8)
        assert eventually(lambda: open_files(node.pid) <= files, 8)

    threads, files = status_of(node.pid, "Threads"), open_files(node.pid)
    # Memory comes in leaps at first, then goes up and down by some MB with the garbage collector;
    # 1000 probes that leave 5 kB each would lift it by 5 MB.
    sizes_kb = []
    for _ in range(30):
        probe(100)
        sizes_kb.append(status_of(node.pid, "VmRSS"))
    assert median(sizes_kb[20:]) - median(sizes_kb[10:20]) < 5_000, sizes_kb
    assoc = node.associate()
    assert assoc.send_c_store(ct_image()).Status == 0x0000
    assoc.release()


@pytest.mark.peer
def test_success_is_sent_only_after_the_disk_has_the_object(
    receiver_process: Start, tmp_path: Path
) -> None:
    strace = require_program("strace")
    node = receiver_process()
    trace = tmp_path / "trace"
    calls = "trace=write,writev,fdatasync,rename,renameat,renameat2,fsync,sendto,sendmsg"
    watcher = subprocess.Popen(
        [strace, "-f", "-e", calls, "-o", str(trace), "-p", str(node.pid)],
        stderr=subprocess.PIPE,
        text=True,
    )
    assert watcher.stderr is not None
    first = watcher.stderr.readline()
    if "attached" not in first:
        watcher.wait(5)
        pytest.skip(f"this machine doesn't let one process watch another: {first.strip()}")
    assoc = node.associate()
    assert assoc.send_c_store(ct_image()).Status == 0x0000
    assoc.release()
    watcher.send_signal(signal.SIGINT)
    watcher.wait(10)

    lines = trace.read_text().splitlines()
    disk = next(i for i, line in enumerate(lines) if " fdatasync(" in line)
    thread = lines[disk].split()[0]
    own = [line.split(maxsplit=1)[1] for line in lines[disk:] if line.split()[0] == thread]
    names = [re.match(r"\w+", call.replace("<... ", "")) for call in own]
    order = [match.group() for match in names if match]
    assert order[:4] == ["fdatasync", "rename", "fsync", "sendto"], own[:5]
    assert ".part/" in own[1]
    assert '.dcm") = 0' in own[1]
    assert all(call.endswith("= 0") for call in own[:3])
    assert not any(
        " sendto(" in line and "\\4\\0" in line
        for line in lines[:disk]
        if line.split()[0] == thread
    ), "something was answered before the disk had it"


@pytest.mark.peer
@pytest.mark.data
def test_dcmtk_sends_to_two_processes_that_share_a_port(
    receiver_process: Start, dev_series: Callable[[str], list[Path]]
) -> None:
    storescu, echoscu = require_program("storescu"), require_program("echoscu")
    port = free_port()
    node, other = receiver_process(port=port), receiver_process(port=port)
    assert node.pid != other.pid
    address = ["127.0.0.1", str(port)]
    subprocess.run([echoscu, "-aec", "MEDQ", *address], check=True)
    files = dev_series("ct_head_ge")
    senders = [
        subprocess.Popen([storescu, "-aet", f"CT{n}", "-aec", "MEDQ", *address, *map(str, files)])
        for n in range(4)
    ]
    assert [sender.wait(30) for sender in senders] == [0, 0, 0, 0]
    originals = {}
    for file in files:
        ds = dcmread(file)
        originals[ds.SOPInstanceUID] = ds
    stored = [dcmread(file) for file in node.stored]
    assert len(stored) == 4 * len(files)
    for n in range(4):
        own = [ds for ds in stored if ds.file_meta.SendingApplicationEntityTitle == f"CT{n}"]
        assert {ds.SOPInstanceUID for ds in own} == set(originals)
        assert all(ds.PixelData == originals[ds.SOPInstanceUID].PixelData for ds in own)


def test_a_port_in_use_by_another_program_is_a_clear_error(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        settings = ReceiverSettings(spool=tmp_path, port=other.getsockname()[1])
        with pytest.raises(ConfigError, match="in use by another program"):
            serve(settings, threading.Event())
    assert list((tmp_path / "incoming" / ".part").iterdir()) == []


def test_an_idle_association_costs_next_to_no_cpu(receiver_process: Start) -> None:
    node = receiver_process()
    associations = [node.associate() for _ in range(4)]
    assert all(assoc.is_established for assoc in associations)
    times = [os.sysconf("SC_CLK_TCK")]
    for _ in range(2):
        fields = Path(f"/proc/{node.pid}/stat").read_text().rsplit(") ", 1)[1].split()
        times.append(int(fields[11]) + int(fields[12]))
        time.sleep(1.0)
    for assoc in associations:
        assoc.release()
    assert (times[2] - times[1]) / times[0] < 0.1
