"""What the report holds of its data, and that nothing in it can be anything but data. No browser is needed here."""

import base64
import hashlib
import json
import random
import re
from pathlib import Path

import pytest
from msgspec.structs import replace

from netns.capture import Captured, write_packets
from reports.html.command import write_page
from reports.html.page_data import PART
from reports.html.pcapng import tell
from reports.html.render import render
from results.reader import read_many
from results.records import Evidence
from tests.conftest import ROOT
from tests.tools.page_samples import element, parts
from tests.tools.samples import CALL, ROWS, RUN, records, row, run_reports, sample, written

PAGE = ROOT / "reports" / "html" / "page"


def test_rows_can_be_told_from_the_columns(tmp_path: Path) -> None:
    many = [
        row("a", "conforms", family=f"inet{number}", transcript=[replace(CALL, start=float(number))])
        for number in range(PART + 9)
    ]
    page = render(sample(tmp_path, many))
    data = json.loads(element(page, 'id="data">'))
    details = parts(page)
    assert len(details) == len(data["rows"]["item"]) == len(many)
    for item, verdict, time, detail in zip(
        *(data["rows"][name] for name in ("item", "verdict", "time")), details, strict=True
    ):
        family = data["texts"][data["items"]["family"][item]]
        assert data["texts"][data["items"]["tail"][item]] == f"{family}-stream-blocking-syscall"
        assert (data["verdicts"][verdict], time) == ("conforms", 250_000)
        assert detail == {
            "texts": [CALL.text()],
            "starts": [int(family[4:]) * 1_000_000],
            "durations": [100],
            "threads": ["main"],
            "thread_of": [0],
            "marks": [[0, "EISCONN", False]],
        }


def test_files_that_are_read_row_by_row_give_the_same_page(tmp_path: Path) -> None:
    other = replace(RUN, kernel=replace(RUN.kernel, release="6.18.0"))
    paths = [written(tmp_path / "one", records(ROWS)), written(tmp_path / "two", records(ROWS[2:], other)[:3])]
    write_page(paths, tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert page == render(read_many(paths), tmp_path)
    one, two = json.loads(element(page, 'id="data">'))["kernels"]
    assert (one["label"], one["base"], one["rows"], one["incomplete"]) == ("6.1.0 root", "one", 6, "")
    assert (two["label"], two["base"], two["rows"]) == ("6.18.0 root", "two", 2)
    assert "the run was cut off" in two["incomplete"]


def test_the_command(tmp_path: Path) -> None:
    one, two = written(tmp_path / "one", records(ROWS)), written(tmp_path / "two", records(ROWS))
    assert run_reports("html", one).status == 0
    (kernel,) = json.loads(element((one.parent / "index.html").read_text(encoding="utf-8"), 'id="data">'))["kernels"]
    assert kernel["base"] == ""
    refused = run_reports("html", one, two.parent)
    assert refused.status == 2
    assert "-o has to say" in refused.output
    assert run_reports("html", one, two.parent, "-o", tmp_path / "both.html").status == 0
    assert (tmp_path / "both.html").read_text(encoding="utf-8") == render(read_many([one, two]), tmp_path)


IP = "0" * 24 + "0800"
IP6 = "0" * 24 + "86dd"
US = "20010db8000100000000000000000001"
TCP = IP + "4500002c0000400040060000c0000201c0000202" + "9c401b59" + "0" * 16 + "60020000" + "0" * 16
ICMP = IP + "450000380000400040010000c0000202c0000201" + "0303" + "0" * 68
UDP = IP6 + "60000000000b1140" + US + US + "00350035" + "000b0000" + "414243"
ARP = "0" * 24 + "0806" + "0001080006040001" + "0" * 12 + "c0000201" + "0" * 12 + "c0000202"
FRAMES = [
    ("client:to-server", 2, TCP, "TCP 192.0.2.1:40000 > 192.0.2.2:7001 SYN"),
    ("server:to-client", 1, ICMP, "ICMP 192.0.2.2 > 192.0.2.1 port unreachable"),
    ("client:to-server", 1, UDP, "UDP [2001:db8:1::1]:53 > [2001:db8:1::1]:53 3 bytes"),
    ("client:to-server", 2, ARP, "ARP who has: 192.0.2.1 > 192.0.2.2"),
]


def captured(path: Path) -> None:
    """Write the frames into a pcapng file as the capture does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    packets = [
        Captured(10**18 + number * 1_500_000, link, way == 2, bytes.fromhex(frame))
        for number, (link, way, frame, _) in enumerate(FRAMES)
    ]
    write_packets(path, packets)


def test_packets_are_told_in_words(tmp_path: Path) -> None:
    path = tmp_path / "evidence" / "demo.b~x" / "packets.pcapng"
    captured(path)
    told = tell(path)
    ways = {1: "in", 2: "out"}
    assert [(where, words) for _, where, words in told] == [
        (f"{link} {ways[way]}", said) for link, way, _, said in FRAMES
    ]
    assert [at for at, _, _ in told] == pytest.approx([0, 1500, 3000, 4500], abs=2)
    told_rows = [replace(ROWS[1], evidence=[Evidence("packets", "evidence/demo.b~x/packets.pcapng")])]
    (row,) = parts(render(sample(tmp_path, told_rows)))
    assert [words for _, _, words in row["packets"]] == [said for *_, said in FRAMES]


def test_damaged_and_strange_packets_end_the_telling_only(tmp_path: Path) -> None:
    path = tmp_path / "packets.pcapng"
    captured(path)
    whole = path.read_bytes()
    chance = random.Random(1)  # noqa: S311  The same damage each time.
    for _ in range(300):
        changed = bytearray(whole[: chance.randrange(len(whole))])
        for _ in range(chance.randrange(9)):
            if changed:
                changed[chance.randrange(len(changed))] = chance.randrange(256)
        path.write_bytes(changed)
        assert len(tell(path)) <= len(FRAMES) + 1
    assert tell(tmp_path / "nothing") == []


def test_packets_outside_of_the_results_are_not_read(tmp_path: Path) -> None:
    captured(tmp_path / "elsewhere.pcapng")
    inside = tmp_path / "results" / "evidence" / "demo.b~x"
    inside.mkdir(parents=True)
    (inside / "packets.pcapng").symlink_to(tmp_path / "elsewhere.pcapng")
    told_rows = [replace(ROWS[1], evidence=[Evidence("packets", "evidence/demo.b~x/packets.pcapng")])]
    (row,) = parts(render(sample(tmp_path / "results", told_rows)))
    assert "packets" not in row


def test_a_row_with_numbers_beyond_all_bounds_is_named_and_the_others_stay(tmp_path: Path) -> None:
    results = sample(tmp_path)
    results.rows[0].seconds = 1.7e308
    results.rows[1].transcript = [replace(CALL, start=1.7e308)]
    data = json.loads(element(render(results), 'id="data">'))
    assert len(data["rows"]["item"]) == len(ROWS) - 2
    assert len(data["kernels"][0]["damaged"]) == 2


def test_data_are_nothing_but_data(tmp_path: Path) -> None:
    hostile = "</script><!--<script>&amp;\u2028\u2029\ud800"
    results = sample(tmp_path)
    results.run.kernel.release = results.label = hostile
    results.rows[0].observed = hostile
    results.rows[1].transcript = [replace(CALL, gave=hostile)]
    page = render(results)
    page.encode("utf-8")
    data = element(page, 'id="data">')
    assert not re.search(r"[<>&\u2028\u2029\ud800]", data)
    assert hostile in json.loads(data)["texts"]
    assert any(any(hostile in text for text in detail["texts"]) for detail in parts(page))
    assert re.fullmatch(r"[A-Za-z0-9+/=\n]+", element(page, 'id="parts">'))
    assert page.count("<script") == page.count("</script>") == 3
    assert page.count("<!--") == 0


def test_only_the_script_of_the_page_may_run(tmp_path: Path) -> None:
    page = render(sample(tmp_path))
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page)
    assert policy is not None
    allowed = dict(each.strip().split(" ", 1) for each in policy[1].split(";"))
    for kind, text in (
        ("script", element(page, '<script type="module">')),
        ("style", element(page, "<style>", "style")),
    ):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert allowed.pop(f"{kind}-src") == f"'sha256-{digest}'"
    assert set(allowed.values()) == {"'none'"}
    assert allowed.keys() >= {"default-src", "base-uri", "form-action"}


def test_scripts_make_texts_and_never_markup() -> None:
    for path in PAGE.glob("*.js"):
        text = path.read_text(encoding="utf-8")
        assert text.startswith("// @ts-check\n"), path
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function|</script", text
        ), path
