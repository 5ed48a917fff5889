# SPDX-License-Identifier: MIT
"""How each example of the pages is run, and by which line it shows that it did what it is for.

A Row is typed as it stands in the page, in a folder that has what a user would have there:
client.py, handshake.craft, the tree's include, examples, tests and build.  Around it:

    scene    a network namespace of its own: "eth0" (the kernel is 192.0.2.1), "tap", "lo"
    before   others that are there first: (command, line to wait for; None: its end)
    adds     words that follow the verb, so that nobody waits a minute for TIME-WAIT
    puts     (what stands in the page, what stands here): a name that only the user knows
    ends     what the shell is told behind it
    says     lines of it to wait for, one after the other: "WORDS ... WORDS"
    types    what is written to it then
    beside   others that come then and end well: (command, words that they say)
    then     further lines of it
    stop     Ctrl-C
    code     how it ends
    makes    (file, words in it)
"""

import collections

Row = collections.namedtuple(
    "Row", "command scene before adds puts ends says types beside then stop code makes shell",
    defaults=("", (), "", (), "", (), "", (), (), False, 0, None, "bash"))

LISTEN = ("estab listen", "listening on 10.11.0.1:3333")
SLOWLY = ("estab listen --close 5", "listening on")
HTTP = ("estab serve http", "http is served on 10.11.0.1:8080")
QUICK = "--hold 0 --msl 1"
CLIENT = (f"estab connect {QUICK}", "1 in TIME-WAIT, which lasts 2 MSL")
HANDSHAKE = "syn seq=100\nexpect syn,ack ack=101\nack\ndata hi\nexpect ack ack=103\n"
SERVED = "expect syn within 50s\nsyn,ack\nexpect ack within 50s\n"
STAYS = ("estab connect --hold never", "SYN-RECEIVED -> ESTABLISHED")

TALK = [
    Row("estab demo",
        says=["1  Two TCPs", "2  The Linux kernel", "3  Two lists", "4  Look closer"]),
    Row("estab demo --no-kernel --seed 1", says=["seed 1", "-> TIME-WAIT", "-> CLOSING"]),

    Row("estab listen", says=["listening on 10.11.0.1:3333, also known as server"],
        beside=[CLIENT], then=["LAST-ACK -> CLOSED", "ready for the next"], stop=True, code=130),
    Row("estab listen --on kernel 3333 -- python3 client.py",
        says=["client>server [FIN,ACK]", "LAST-ACK -> CLOSED"]),
    Row("estab listen --close 10", says=["listening on"],
        beside=[("estab host vm -- python3 client.py", "the client is done")],
        then=["-> CLOSE-WAIT"], stop=True, code=130),
    Row("estab listen --on kernel 3333 -- nc -N server 3333",
        says=["client>server [FIN,ACK]", "LAST-ACK -> CLOSED"]),

    Row("estab connect", before=[LISTEN],
        says=["SYN-SENT -> ESTABLISHED", "FIN-WAIT-2 -> TIME-WAIT"]),
    Row("estab connect --on kernel 3333 -- nc -l -p 3333", adds=QUICK,
        says=["SYN-SENT -> ESTABLISHED", "TIME-WAIT -> CLOSED"]),
    Row('estab connect --msl 1 --hold 1 --impair "delay 20ms loss 5%"', before=[LISTEN],
        says=["SYN-SENT -> ESTABLISHED", "-> TIME-WAIT"]),
    Row("estab connect --on sim --impair 'loss 20%' --why", adds="--seed 1",
        says=["(lost)", "RFC 9293", "TIME-WAIT -> CLOSED"]),
    Row("estab connect --on sim --rule 'drop 1 syn' -w c.pcapng", adds="--msl 1",
        says=["[SYN]", "(lost)", "(retransmission, timeout)", "TIME-WAIT -> CLOSED"],
        ends="&& wc -c c.pcapng", then=["c.pcapng"]),
    Row("sudo estab connect --on packet:eth0 --ip 192.0.2.77/24 192.0.2.1 80", scene="eth0",
        before=[("nc -n -v -l -p 80", "istening on")], adds=QUICK,
        says=["SYN-SENT -> ESTABLISHED", "TIME-WAIT -> CLOSED"]),
    Row("sudo estab connect host.example 80 --on packet:eth0 --ip dhcp --why", scene="eth0",
        before=[("nc -n -v -l -p 80", "istening on"),
                ("dnsmasq -k --conf-file=/dev/null --no-resolv --no-hosts --user=root --group=root "
                 "--pid-file= --log-facility=- --bind-interfaces --listen-address=192.0.2.1 --no-ping "
                 "--dhcp-leasefile=leases --dhcp-range=192.0.2.50,192.0.2.60,255.255.255.0,600 "
                 "--host-record=host.example,192.0.2.1", "started")], adds=QUICK,
        says=["DHCP: DISCOVER sent to all stations", "is ours for 600 s", "host.example is 192.0.2.1",
              "SYN-SENT -> ESTABLISHED", "TIME-WAIT -> CLOSED", "DHCP: RELEASE sent to 192.0.2.1"]),
    Row("sudo estab connect host.example 80 --on packet:eth0 --ip 192.0.2.77/24 --dns 192.0.2.1 --why",
        scene="eth0",
        before=[("nc -n -v -l -p 80", "istening on"),
                ("dnsmasq -k --conf-file=/dev/null --no-resolv --no-hosts --user=root --group=root "
                 "--pid-file= --log-facility=- --bind-interfaces --listen-address=192.0.2.1 "
                 "--host-record=host.example,192.0.2.1", "started")], adds=QUICK,
        says=["asked 192.0.2.1:53 for A of host.example", "host.example is 192.0.2.1",
              "SYN-SENT -> ESTABLISHED", "TIME-WAIT -> CLOSED"]),
    Row("sudo estab listen --on tap:t0 --ip 10.9.0.2/24 3333 &", scene="tap",
        says=["listening on 10.9.0.2:3333"],
        beside=[("sudo ip address add 10.9.0.1/24 dev t0", ""), ("nc -N 10.9.0.2 3333", "")],
        then=["LAST-ACK -> CLOSED"], stop=True, code=130),
]

WIRES = [
    Row("estab wire", before=[LISTEN], says=["wire lab, 10.11.0.0/24", "server ... estab listen"]),
    Row("estab wire set delay 2s", ends="&& estab wire", says=["delay 2s"]),
    Row("estab wire set delay 2s loss 1%", ends="&& estab wire", says=["delay 2s loss 1%"]),
    Row("estab wire rule drop 1 syn ack", before=[LISTEN],
        ends=f"&& estab connect {QUICK} && estab wire",
        says=["server>client [SYN,ACK]", "1 ruled out", "drop 1 syn ack; ... matched, done to 1"]),
    Row("estab wire down", before=[LISTEN], ends="&& estab wire", says=["there is no wire lab"]),

    Row("estab host vm -- python3 client.py", before=[LISTEN], says=["the client is done"]),
    Row("estab host vm -- ss -tan", before=[
        ("estab host vm -- nc -n -v -l -p 4444", "istening on")], says=["LISTEN ... 0.0.0.0:4444"]),
    Row("estab host vm", types="cat /proc/net/dev; exit\n", then=["kernel:"]),
    Row("estab host vm -- curl http://server:8080/hello", before=[HTTP], says=["Hello World!"]),

    Row("estab netstat", before=[LISTEN, STAYS],
        says=["Proto Recv-Q Send-Q Local Address", "server:3333 ... ESTABLISHED estab"]),
    Row("estab netstat -tanp", before=[LISTEN, STAYS],
        says=["LISTEN ... /estab listen", "10.11.0.1:3333 ... ESTABLISHED"]),
    Row("estab netstat -uan", before=[LISTEN], says=["Proto Recv-Q Send-Q Local Address"]),
    Row("estab netstat -lo", before=[LISTEN], says=["server:3333 ... LISTEN ... off"]),
    Row("estab netstat -s", before=[LISTEN, STAYS], says=["estab listen", "(RFC"]),
    Row("estab netstat -a --json", before=[LISTEN], says=['"schema":"estab.connection/1"']),
    Row('echo connections | nc -U -N "$XDG_RUNTIME_DIR"/estab/4711-0', before=[LISTEN],
        puts=[("4711-0", "*-0")], says=['"state":"LISTEN"', '"schema":"estab.end/1"']),

    Row("estab capture", says=["capturing on"], before=[LISTEN], beside=[CLIENT],
        then=["client>server [SYN]", "SYN-RECEIVED"], stop=True, code=130),
    Row("estab capture -i lo -c 10 tcp port 8080", scene="lo", says=["capturing on lo"],
        before=[("python3 -um http.server 8080", "Serving HTTP")],
        beside=[("curl -s http://127.0.0.1:8080/client.py", "import socket")] * 2,
        then=["[SYN]", "[SYN,ACK]", "10 packets"]),
    Row("estab capture -r file.pcapng tcp",
        before=[("estab connect --on sim --msl 1 -w file.pcapng", None)],
        says=["[SYN]", "[SYN,ACK]", "[FIN,ACK]"]),
    Row("tshark -r /tmp/estab-demo-0/demo.pcapng -Y 'frame.comment contains \"CLOSING\"'",
        before=[("estab demo --no-kernel", None)],
        puts=[("/tmp/estab-demo-0", '"$TMPDIR"/estab-demo-$(id -u)')], says=["[FIN, ACK]"]),
]

SERVERS = [
    Row("estab serve http", says=["http is served on 10.11.0.1:8080"],
        beside=[("estab host vm -- curl http://server:8080/hello", "Hello World!")],
        then=['GET "/hello": 200 OK'], stop=True, code=130),
    Row("estab serve http --publish 8080", scene="lo", says=["127.0.0.1:8080"],
        beside=[("curl -s http://127.0.0.1:8080/hello", "Hello World!")],
        then=['GET "/hello": 200 OK'], stop=True, code=130),
    Row("estab serve http -- curl http://server:8080/hello", says=["Hello World!"]),
    Row('estab serve http -- curl "http://server:8080/info?name=N&age=7"',
        says=["hello, I'm N and 7 years old."]),
    Row("estab serve http -- curl http://server:8080/form -d username=U -d password=P",
        says=["I'm U and my password is P."]),
    Row('estab serve echo -- sh -c "echo hi | nc -N server 7777"', says=["hi"]),
    Row('estab serve echo -v -- sh -c "echo hi | nc -N server 7777"',
        says=["[SYN,ACK]", '"hi\\n"']),
    Row('estab serve print --json -- sh -c "echo hi | nc -N server 8888"', says=['"text":"hi']),
    Row("estab serve print --leave-open", says=["print is served on"],
        beside=[("estab host vm -- sh -c 'timeout 1 nc -N server 8888 </dev/null; ss -tan'",
                 "FIN-WAIT-2"), ("estab netstat -t", "CLOSE-WAIT")],
        then=["left open, in CLOSE-WAIT"], stop=True, code=130),
]

CRAFTED = [
    Row("estab craft", before=[SLOWLY], types=HANDSHAKE, then=["ok:     it came"] * 2),
    Row("estab craft server 3333", before=[SLOWLY], types=HANDSHAKE, then=["ok:     it came"] * 2),
    Row("estab craft -l", says=["you are 10.11.0.1:3333, the server"], types=SERVED + "rst\n",
        beside=[("estab connect; test $? = 5", "reset")], then=["ok:     it came"] * 2),
    Row("estab craft --on kernel", types=HANDSHAKE, then=["ok:     it came"] * 2),
    Row("estab craft 3333 -- nc -l -p 3333", types=HANDSHAKE, then=["ok:     it came"] * 2),
    Row("estab craft -l 3333 -- nc server 3333", types=SERVED + "rst\n",
        then=["ok:     it came"] * 2),
    Row("estab craft --on sim -f handshake.craft", says=["ok:     it came"] * 2),
    Row("estab craft --on sim -f FILE", puts=[("FILE", "handshake.craft")],
        says=["ok:     it came"] * 2),
    Row("estab craft --on packet:eth0 --ip 192.0.2.9/24 192.0.2.1 80", scene="eth0",
        before=[("nc -n -v -l -p 80", "istening on")], types=HANDSHAKE,
        then=["ok:     it came"] * 2),
]

ALONE = [
    Row("estab states", says=["SYN-RECEIVED"]),
    Row("estab states --format text", says=["SYN-RECEIVED"]),
    Row("estab states --format svg > states.svg", makes=("states.svg", b"</svg>")),
    Row("estab states --format dot | dot -Tpdf > states.pdf", makes=("states.pdf", b"%PDF-")),
    Row("estab doctor", says=["namespace"]),
    Row("estab help", says=["Verbs", "connect"]),
    Row("estab help connect", says=["usage: estab connect", "--hold"]),
    Row("estab help --man connect | man -l -", says=["NAME", "--hold"]),
    Row('eval "$(estab completion bash)"', ends="; complete -p estab", says=["estab"]),
    Row("estab completion zsh > ~/.zfunc/_estab", makes=(".zfunc/_estab", b"#compdef estab"),
        ends="; zsh -fc 'fpath=(~/.zfunc $fpath); autoload -Uz compinit; compinit -D -u;"
        " echo for estab $_comps[estab]'", says=["for estab _estab"]),
    Row("estab completion fish | source", shell="fish", ends="; complete -C 'estab sta'",
        says=["states"]),
    Row("estab script tests/script/handshake/passive.pkt", says=["ok ... passive.pkt"]),
    Row("estab script tests/script/*/*.pkt", says=[" passed"]),
    Row("estab script --json tests/script/*/*.pkt", says=['"pass"']),
    Row("estab script --ip-version ipv6 tests/script/handshake/*.pkt",
        says=[" passed"]),
    Row("estab script --ip-version ipv6 tests/script/*/*.pkt", says=[" passed"], code=1),
    Row("estab script --why tests/script/recovery/tail-probe.pkt", says=["it is probed (RFC 8985 7.3)"]),
    Row("estab script --ip-version ipv4-mapped-ipv6 tests/script/handshake/*.pkt",
        says=[" passed"]),
    Row("estab script --json $(find tcp -name '*.pkt' ! -name '*v6.pkt' | sort)",
        puts=[("find tcp", "find tests/script")], says=['"pass"']),
    Row("cc -Iinclude examples/embed.c -Lbuild -lestab -Wl,-rpath,build", ends="&& ./a.out",
        says=["TIME-WAIT", "CLOSED"]),
]

ROWS = TALK + WIRES + SERVERS + CRAFTED + ALONE

# What cannot be run in a test, and the test that runs what it runs.
ELSEWHERE = {
    "make demo": "tests/cli/test_demo.py",
    "make test": "tests/run",
    "cc examples/embed.c $(pkg-config --cflags --libs estab)": "tests/install/run",
}
