"""Every mistake in the words a tired person reads: exact texts, with line and column."""

import pytest

from adapters import ADAPTERS
from adapters.adapter import Adapter, OptionsError, Parse, SourceOptions
from rules.advice.lint import linted
from rules.loading.load import RulesText, load
from tests.rules.reading import HEAD, ROUTING, accepted, complaints, loading

TREE = HEAD + 'routing:\n  channel: "#a"\n  routes:\n'
PEOPLE = HEAD + ROUTING + "people: {a: {email: a@example.com}}\n"
CHANNEL = 'expected a channel such as "#alerts" (in quotes), or its id such as C0123ABCD'
MATCH = "expected a list of matchers such as ['team = payments', 'severity =~ \"crit.*\"']"
SECRET = "not a reference to a secret; expected {env: NAME} or {file: PATH}, or a list of them while two are valid"
EMOJI = "expected an emoji's name as Slack has it, without colons, such as eyes"
COMMAND = "expected a slash command such as /incident: lower case, at most 32 characters"
LATER = "expected the file without it, in this version"

MISTAKES = [
    ("empty", "", ["1:1: the file is empty; expected version: 1 and the rest of a configuration"]),
    ("tab", "version: 1\n\tname: x", ["2:1: a tab in the indentation; expected spaces: YAML takes no tabs there"]),
    (
        "duplicate",
        HEAD + ROUTING + "slack: preview\nslack: preview\n",
        [
            "5:1: the key 'slack' stands here twice; expected once; the first is in line 2",
            "6:1: the key 'slack' stands here twice; expected once; the first is in line 2",
        ],
    ),
    (
        "comment for channel",
        HEAD + "routing:\n  channel: #x\n",
        [
            (
                f"5:11: routing.channel: found nothing; {CHANNEL} "
                '(in YAML a # begins a comment: write "#alerts" in quotes; to tell nobody write none)'
            )
        ],
    ),
    (
        "torn matcher",
        TREE + '    - {name: x, match: [a =~ "x,y"]}\n',
        [
            (
                "7:25: routing.routes[0].match[0]: YAML took this matcher apart at its comma: 'a =~ \"x', 'y\"'; "
                "expected single quotes around the whole of it (write 'a =~ \"x,y\"')"
            )
        ],
    ),
    (
        "map for matchers",
        TREE + "    - {name: x, match: {team: payments, list: [x]}}\n",
        [f"7:24: routing.routes[0].match: found a map; {MATCH} (write ['team = payments'])"],
    ),
    (
        "braces without quotes",
        TREE + '    - {name: x, match: {a="x"}}\n',
        [f"7:24: routing.routes[0].match: found a map; {MATCH} (write ['a=\"x\"'])"],
    ),
    (
        "bare matcher",
        TREE + "    - {name: x, match: team = payments}\n",
        [f"7:24: routing.routes[0].match: found 'team = payments'; {MATCH} (write ['team = payments'])"],
    ),
    (
        "no matchers",
        TREE + "    - {name: x, match: []}\n    - {name: y, match: [{a: b}, {a: b, c: d}, [x], {a: [b]}]}\n",
        [
            f"7:24: routing.routes[0].match: found a list; {MATCH} (a route without match takes all)",
            "8:25: routing.routes[1].match[0]: found a map; expected a matcher such as 'team = payments' (write 'a = b')",
            "8:33: routing.routes[1].match[1]: found a map; expected a matcher such as 'team = payments' (in quotes: '…')",
            "8:47: routing.routes[1].match[2]: found a list; expected a matcher such as 'team = payments'",
            "8:52: routing.routes[1].match[3]: found a map; expected a matcher such as 'team = payments' (write 'a = …')",
        ],
    ),
    (
        "a quote never closed",
        TREE
        + "    - {name: x, match: ['a = \"b', [x]]}\n    - {name: y, match: ['a = \"b']}\n    - {name: z, match: 5}\n",
        [
            "7:25: routing.routes[0].match[0]: a quote that is not closed in 'a = \"b'; expected a second \"",
            "7:35: routing.routes[0].match[1]: found a list; expected a matcher such as 'team = payments'",
            "8:25: routing.routes[1].match[0]: a quote that is not closed in 'a = \"b'; expected a second \"",
            f"9:24: routing.routes[2].match: found the number 5; {MATCH}",
        ],
    ),
    (
        "huge expression",
        TREE + "    - {name: x, match: ['a =~ \"((a{999}){999}){999}\"']}\n",
        [
            (
                "7:25: routing.routes[0].match[0]: the regular expression '((a{999}){999}){999}' is too large "
                "(invalid repetition size: {999}); expected a smaller expression: fewer or shorter repetitions such as {1,1000}"
            )
        ],
    ),
    (
        "words of other tools, typos, keys in the wrong place",
        HEAD
        + "routing:\n  chxnnel: '#a'\n  receiver: x\n  routes: [{name: a, mute_time_intervals: [x]}]\n  name: x\nroute: {}\n",
        [
            (
                "5:3: routing.chxnnel: unknown key 'chxnnel'; expected one of channel, also, group_by, group_wait, group_interval, "
                "repeat_interval, reopen_within, acknowledge_within, reopen_closed_after, sla, resolve_note, severity, template, tell, quiet, only, "
                "page, actions, private, routes (did you mean channel?)"
            ),
            '5:3: routing: channel is missing; expected channel: a channel such as "#alerts", a list of them, or none',
            (
                "6:3: routing.receiver: unknown key 'receiver'; "
                "expected channel, and page for whom it wakes (Alertmanager's receiver is both)"
            ),
            (
                "7:22: routing.routes[0].mute_time_intervals: unknown key 'mute_time_intervals'; "
                "expected quiet: [WINDOW] (Alertmanager's mute_time_intervals)"
            ),
            "8:3: routing.name: unknown key 'name'; expected no name at the root: it is called default",
            "9:1: route: unknown key 'route'; expected routing: (Alertmanager's route)",
        ],
    ),
    (
        "sisters",
        TREE
        + "    - {name: a, routes: [{name: b}, {name: b}]}\n    - {name: a}\n    - {name: default}\n    - {name: x/y}\n    - {}\n",
        [
            "7:44: routing.routes[0].routes[1].name: two routes below a are called 'b'; expected another name than in line 7",
            "8:14: routing.routes[1].name: two routes below default are called 'a'; expected another name than in line 7",
            "9:14: routing.routes[2].name: 'default' is the id of the root; expected another name",
            "10:14: routing.routes[3].name: the name 'x/y'; expected 1 to 100 characters, without /",
            "11:7: routing.routes[4]: name is missing; expected name: a name, without /",
        ],
    ),
    (
        "channels",
        HEAD
        + "routing:\n  channel: []\n  routes:\n"
        + "    - {name: a, channel: alerts}\n    - {name: b, channel: ['#x', none, '#x']}\n    - {name: c, channel: {x: 1}}\n"
        + "    - {name: d, channel: null}\n    - {name: e, channel: '#Big Room'}\n    - {name: f, channel: w/#x}\n    - {name: g, channel: 5}\n",
        [
            (
                '5:12: routing.channel: an empty list; expected a channel such as "#alerts", a list of them, or none '
                "(to tell nobody write none)"
            ),
            f"7:26: routing.routes[0].channel: found 'alerts'; {CHANNEL} (write \"#alerts\")",
            f"8:33: routing.routes[1].channel[1]: found 'none'; {CHANNEL} (none stands alone, not in a list)",
            "8:39: routing.routes[1].channel[2]: #x stands here twice; expected once",
            "9:26: routing.routes[2].channel: found a map; expected {from: service} or {label: team, only: [web, data]}",
            (
                f"10:26: routing.routes[3].channel: found nothing; {CHANNEL} "
                '(in YAML a # begins a comment: write "#alerts" in quotes; to tell nobody write none)'
            ),
            f"11:26: routing.routes[4].channel: found '#Big Room'; {CHANNEL} (write \"#big-room\")",
            f"12:26: routing.routes[5].channel: found 'w/#x'; {CHANNEL} (several workspaces: not yet)",
            f"13:26: routing.routes[6].channel: found the number 5; {CHANNEL}",
        ],
    ),
    (
        "settings",
        HEAD
        + "routing:\n  channel: '#a'\n  group_wait: 30\n  group_interval: 0s\n  repeat_interval: 4 hours\n  reopen_within:\n"
        + "  group_by: alertname\n  severity: criticl\n  quiet: nights\n  only:\n"
        + "  routes:\n    - {name: a, group_by: ['...', x], group_wait: 1.5, continue: yes, severity: [high]}\n    - {name: b, group_by: [x, x, true, '']}\n",
        [
            "6:15: routing.group_wait: 30 what?; expected a duration such as 90s, 10m, 1h30m, 2d or 1w (write 30s or 30m)",
            "7:19: routing.group_interval: found '0s'; expected at least 1s",
            "8:20: routing.repeat_interval: found '4 hours'; expected a duration such as 90s, 10m, 1h30m, 2d or 1w",
            "9:17: routing.reopen_within: found nothing; expected a duration such as 90s, 10m, 1h30m, 2d or 1w",
            "10:13: routing.group_by: found 'alertname'; expected a list of labels such as [alert.name, cluster] (write [alertname])",
            "11:13: routing.severity: found 'criticl'; expected one of critical, high, medium, low, info (did you mean critical?)",
            "12:10: routing.quiet: found 'nights'; expected a list of windows such as [office] (write [nights])",
            (
                "13:8: routing.only: found nothing; expected a list of windows such as [office], or none "
                "(none takes an inherited setting away)"
            ),
            "15:27: routing.routes[0].group_by: '...' beside other labels; expected ['...'] alone: all labels",
            "15:51: routing.routes[0].group_wait: 1.5 what?; expected a duration such as 90s, 10m, 1h30m, 2d or 1w",
            "15:66: routing.routes[0].continue: found 'yes'; expected true or false",
            "15:81: routing.routes[0].severity: found a list; expected one of critical, high, medium, low, info",
            "16:31: routing.routes[1].group_by[1]: 'x' stands here twice; expected once",
            '16:34: routing.routes[1].group_by[2]: true; expected a label\'s name (if it is meant as text, write "true")',
            "16:40: routing.routes[1].group_by[3]: found ''; expected a label's name",
        ],
    ),
    (
        "names that are nowhere",
        HEAD
        + "routing: {channel: '#a', page: bbo, quiet: [night], only: [x, x], routes: [{name: r, page: []}, {name: s, page: {policy: nope, onlu: []}}]}\n"
        + "windows: {nights: {hours: 22:00-06:00}}\npeople: {bob: {email: bob@example.com}}\n",
        [
            "4:32: routing.page: no policy, schedule or person is called 'bbo'; expected a policy, schedule or person: bob (did you mean bob?)",
            "4:45: routing.quiet[0]: no window is called 'night'; expected a window defined under windows: nights (did you mean nights?)",
            "4:60: routing.only[0]: no window is called 'x'; expected a window defined under windows: nights",
            "4:63: routing.only[1]: 'x' stands here twice; expected once",
            "4:63: routing.only[1]: no window is called 'x'; expected a window defined under windows: nights",
            (
                "4:92: routing.routes[0].page: found a list; "
                "expected the name of a policy, schedule or person, or {policy: NAME, only: [WINDOW]}"
            ),
            "4:122: routing.routes[1].page.policy: no policy, schedule or person is called 'nope'; expected a policy, schedule or person: bob",
            "4:128: routing.routes[1].page.onlu: unknown key 'onlu'; expected one of policy, from, only, quiet (did you mean only?)",
        ],
    ),
    (
        "an empty name",
        HEAD + "routing: {channel: '#a', page: ''}\n",
        ["4:32: routing.page: found ''; expected the name of a policy, schedule or person"],
    ),
    (
        "zones",
        HEAD
        + ROUTING
        + "timezone: Europe/Berln\nwindows: {a: {days: mon, timezone: berlin}, b: {days: mon, timezone: ../etc}, c: {days: mon, timezone: 5}}\n",
        [
            (
                "5:11: timezone: unknown time zone 'Europe/Berln'; "
                "expected an IANA time zone such as Europe/Berlin, or UTC (did you mean Europe/Berlin?)"
            ),
            (
                "6:36: windows.a.timezone: unknown time zone 'berlin'; "
                "expected an IANA time zone such as Europe/Berlin, or UTC (did you mean Europe/Berlin?)"
            ),
            "6:70: windows.b.timezone: unknown time zone '../etc'; expected an IANA time zone such as Europe/Berlin, or UTC",
            "6:104: windows.c.timezone: unknown time zone the number 5; expected an IANA time zone such as Europe/Berlin, or UTC",
        ],
    ),
    (
        "windows",
        HEAD
        + ROUTING
        + "windows:\n  a: {}\n  b: {hours: 9-18}\n  c: {hours: [09:00-09:00, 25:00-26:00, []]}\n  d: {days: [monday-friday, funday]}\n"
        + "  e: {months: [13]}\n  f: {days_of_month: [0, 32, 5..1, -1..-3, x]}\n  g: {dates: [2026-02-30, 2026-12-02..2026-12-01, x]}\n"
        + "  h: {days_of_month: [], dates: []}\n  i: []\n  j: {not: [k]}\n  k: [{days: mon, except: [j]}]\n  l: {days: []}\n",
        [
            "6:6: windows.a: a window that says nothing; expected days, hours, months, dates, … or not",
            "7:14: windows.b.hours: found '9-18'; expected hours such as 09:00-18:00 or 22:00-06:00, or a list of such",
            "8:15: windows.c.hours[0]: '09:00-09:00' begins when it ends; expected hours; for the whole day leave hours out",
            "8:28: windows.c.hours[1]: found '25:00-26:00'; expected times from 00:00 to 24:00",
            "8:41: windows.c.hours[2]: found a list; expected hours such as 09:00-18:00 or 22:00-06:00, or a list of such",
            "9:14: windows.d.days[0]: found 'monday-friday'; expected days such as [mon-fri] or [sun] (write mon-fri)",
            "9:29: windows.d.days[1]: found 'funday'; expected days such as [mon-fri] or [sun]",
            "10:16: windows.e.months[0]: found the number 13; expected months such as [jan-may] or [dec]",
            *(
                f"11:{column}: windows.f.days_of_month[{number}]: found {what}; "
                "expected days of the month such as [1, 15, -1] or [1..7, -3..-1]"
                for number, (column, what) in enumerate(
                    [(23, "the number 0"), (26, "the number 32"), (30, "'5..1'"), (36, "'-1..-3'"), (44, "'x'")]
                )
            ),
            "12:15: windows.g.dates[0]: found '2026-02-30'; expected dates such as [2026-12-24, 2026-12-31..2027-01-02]",
            (
                "12:27: windows.g.dates[1]: found '2026-12-02..2026-12-01'; "
                "expected dates such as [2026-12-24, 2026-12-31..2027-01-02]"
            ),
            "12:51: windows.g.dates[2]: found 'x'; expected dates such as [2026-12-24, 2026-12-31..2027-01-02]",
            "13:22: windows.h.days_of_month: an empty list; expected days of the month such as [1, 15, -1] or [1..7, -3..-1]",
            "13:33: windows.h.dates: an empty list; expected dates such as [2026-12-24, 2026-12-31..2027-01-02]",
            (
                "14:6: windows.i: an empty list; "
                "expected a window such as {days: [mon-fri], hours: 09:00-18:00}, or a list of such"
            ),
            "15:6: windows.j: the window 'j' names itself: j → k → j; expected no circle",
            "17:13: windows.l.days: found a list; expected days such as [mon-fri] or [sun]",
        ],
    ),
    (
        "people and schedules",
        HEAD
        + ROUTING
        + "people: {b: {}, c: {email: nobody, slack: '@joe'}, 'd/e': {email: d@example.com}, f: 5}\noncall:\n"
        + "  x: {rotation: {people: [], every: 1w, handoff: 09:00, starts: 2026-11-02}}\n  y: {}\n"
        + "  z: {rotation: {people: [b, nob], every: 12h, handoff: monday 9, starts: tomorrow}}\n"
        + "  q: {rotation: {people: b, every: 1d, handoff: mon 09:00, starts: 2026-11-02, until: 2026-11-01}, rotations: []}\n"
        + "  r: {rotations: [{people: [b], every: 1d, handoff: 25:00, starts: 2026-11-02}, "
        + "{people: [b], every: 1d, handoff: 09:00, starts: 2026-11-01T25:00}, {people: [b], every: 1d, handoff: 09:00, starts: 2026-10-01}]}\n"
        + "  s: {rotation: {people: [b]}, overrides: [{person: bb, from: 2026-11-02T10:00+25:00, until: 2026-11-01}, "
        + "{person: b, from: 2026-11-02, until: 1800-01-01}, {person: b, from: 2026-11-02, until: 2026-11-01}]}\n",
        [
            "5:13: people.b: a person nobody can reach; expected email: …, or slack: U0123ABCD, or both",
            "5:28: people.c.email: found 'nobody'; expected an e-mail address",
            (
                "5:43: people.c.slack: found '@joe'; expected a Slack member id such as U0123ABCD "
                "(in Slack: profile, ⋮, Copy member ID)"
            ),
            "5:52: people.d/e: the name 'd/e'; expected 1 to 100 characters, without /",
            "5:86: people.f: found the number 5; expected a map with email, slack, role",
            "7:26: oncall.x.rotation.people: an empty list; expected a list of people such as [alice, bob]",
            "7:50: oncall.x.rotation.handoff: turns of weeks need a day to hand over; expected handoff: mon 09:00",
            (
                "8:6: oncall.y: a schedule without a rotation; "
                "expected rotation: {…}, rotations: [{…, until: …}, {…, starts: …}], or layers: [{name: …, hours: …, rotation: {…}}]"
            ),
            "9:30: oncall.z.rotation.people[1]: no person is called 'nob'; expected somebody under people: b, c, d/e, f",
            "9:43: oncall.z.rotation.every: found '12h'; expected whole days or weeks such as 1d, 1w or 2w",
            "9:57: oncall.z.rotation.handoff: found 'monday 9'; expected mon 09:00, or for turns of days 09:00",
            (
                "9:75: oncall.z.rotation.starts: found 'tomorrow'; "
                "expected an instant such as 2026-12-01T20:00, 2026-12-01T20:00Z or 2026-12-01T20:00+01:00"
            ),
            (
                "10:6: oncall.q: both rotation and rotations; "
                "expected rotation: {…}, rotations: [{…, until: …}, {…, starts: …}], or layers: [{name: …, hours: …, rotation: {…}}]"
            ),
            "10:26: oncall.q.rotation.people: found 'b'; expected a list of people such as [alice, bob] (write [b])",
            "10:49: oncall.q.rotation.handoff: turns of days drift through the week; expected a time alone, or every: 1w",
            "10:87: oncall.q.rotation.until: until is not after starts; expected an end after its beginning",
            "10:111: oncall.q.rotations: an empty list; expected a list of rotations",
            "11:53: oncall.r.rotations[0].handoff: found '25:00'; expected mon 09:00, or for turns of days 09:00",
            (
                "11:130: oncall.r.rotations[1].starts: found '2026-11-01T25:00'; "
                "expected an instant such as 2026-12-01T20:00, 2026-12-01T20:00Z or 2026-12-01T20:00+01:00"
            ),
            "11:198: oncall.r.rotations[2].starts: rotation 3 starts before the one above it; expected the order of time",
            *(
                f"12:17: oncall.s.rotation: {key} is missing; expected {key}: {expected}"
                for key, expected in (
                    ("every", "whole days or weeks such as 1d, 1w or 2w"),
                    ("handoff", "mon 09:00, or for turns of days 09:00"),
                    ("starts", "an instant such as 2026-12-01T20:00, 2026-12-01T20:00Z or 2026-12-01T20:00+01:00"),
                )
            ),
            "12:53: oncall.s.overrides[0].person: no person is called 'bb'; expected somebody under people: b, c, d/e, f (did you mean b?)",
            (
                "12:63: oncall.s.overrides[0].from: found '2026-11-02T10:00+25:00'; "
                "expected an instant such as 2026-12-01T20:00, 2026-12-01T20:00Z or 2026-12-01T20:00+01:00"
            ),
            (
                "12:144: oncall.s.overrides[1].until: found '1800-01-01'; "
                "expected an instant such as 2026-12-01T20:00, 2026-12-01T20:00Z or 2026-12-01T20:00+01:00"
            ),
            "12:194: oncall.s.overrides[2].until: until is not after from; expected an end after its beginning",
        ],
    ),
    (
        "how loud",
        TREE
        + "    - {name: x, tell: channel}\n    - {name: y, tell: {resolved: loud, worst: none}, send_resolved: false}\n",
        [
            (
                "7:23: routing.routes[0].tell: found 'channel'; "
                "expected a map with new_alerts, worse, some_resolved, resolved, reopened, repeat, …"
            ),
            (
                "8:34: routing.routes[1].tell.resolved: found 'loud'; "
                "expected one of none, edit (the message), thread (a line), channel (a line that all hear)"
            ),
            (
                "8:40: routing.routes[1].tell.worst: unknown key 'worst'; "
                "expected one of new_alerts, worse, some_resolved, resolved, reopened, repeat, acknowledged, escalated, sla, note (did you mean worse?)"
            ),
            (
                "8:54: routing.routes[1].send_resolved: unknown key 'send_resolved'; expected tell: {resolved: none} "
                "for send_resolved: false (Alertmanager's); the message is edited all the same"
            ),
        ],
    ),
    (
        "layers",
        PEOPLE
        + "oncall:\n  x: {rotation: {people: [a], every: 1d, handoff: 09:00, starts: 2026-11-02}, layers: []}\n"
        + "  y: {layers: [{name: n, hours: 18:00-18:00}, {name: n, rotation: {people: [b], every: 1d, handoff: 09:00, "
        + "starts: 2026-11-02, until: 2026-11-01}}, {hours: 9-18, days: [mon]}]}\n",
        [
            (
                "7:6: oncall.x: both rotation and layers; expected rotation: {…}, "
                "rotations: [{…, until: …}, {…, starts: …}], or layers: [{name: …, hours: …, rotation: {…}}]"
            ),
            "7:87: oncall.x.layers: an empty list; expected a list of layers",
            (
                "8:16: oncall.y.layers[0]: a layer without a rotation; "
                "expected rotation: {…}, or rotations: [{…, until: …}, {…, starts: …}]"
            ),
            "8:33: oncall.y.layers[0].hours: '18:00-18:00' begins when it ends; expected hours; for the whole day leave hours out",
            "8:54: oncall.y.layers[1].name: a second layer is called 'n'; expected another name than in line 8",
            "8:77: oncall.y.layers[1].rotation.people[0]: no person is called 'b'; expected somebody under people: a",
            "8:135: oncall.y.layers[1].rotation.until: until is not after starts; expected an end after its beginning",
            "8:149: oncall.y.layers[2]: name is missing; expected name: a name, without /",
            (
                "8:149: oncall.y.layers[2]: a layer without a rotation; "
                "expected rotation: {…}, or rotations: [{…, until: …}, {…, starts: …}]"
            ),
            (
                "8:157: oncall.y.layers[2].hours: found '9-18'; "
                "expected hours such as 09:00-18:00 or 22:00-06:00, or a list of such"
            ),
            "8:163: oncall.y.layers[2].days: unknown key 'days'; expected one of name, hours, rotation, rotations",
        ],
    ),
    (
        "escalation",
        PEOPLE
        + "escalation:\n  x: {steps: []}\n  y: {steps: [{after: 5m, person: a}, {after: 2m, oncall: zz}, {person: a, channel: '#b'}, {}], repeat: 2}\n"
        + "  z: {steps: [{person: [a, b]}, {after: 10m, policy: x}], repeat: 101, every: 5m}\n",
        [
            "7:14: escalation.x.steps: an empty list; expected a list of steps such as [{oncall: payments}]",
            "8:6: escalation.y: repeat and every belong together; expected repeat: 2, every: 30m",
            "8:47: escalation.y.steps[1].after: step 2 comes after 2m; expected more than 5m: it must grow",
            "8:59: escalation.y.steps[1].oncall: no schedule is called 'zz'; expected a schedule under oncall; there is none yet",
            "8:64: escalation.y.steps[2]: a step with person and channel; expected one of oncall, person, group, channel, webhook",
            "8:64: escalation.y.steps[2].after: step 3 comes after 0s; expected more than 2m: it must grow",
            "8:92: escalation.y.steps[3]: a step that reaches nobody; expected one of oncall, person, group, channel, webhook",
            "8:92: escalation.y.steps[3].after: step 4 comes after 0s; expected more than 0s: it must grow",
            "9:28: escalation.z.steps[0].person[1]: no person is called 'b'; expected somebody under people: a",
            "9:33: escalation.z.steps[1]: a step that reaches nobody; expected one of oncall, person, group, channel, webhook",
            (
                "9:46: escalation.z.steps[1].policy: unknown key 'policy'; "
                "expected oncall, person, group, channel or webhook: a policy never reaches a policy"
            ),
            "9:67: escalation.z.repeat: found the number 101; expected a whole number from 0 to 100",
            "9:79: escalation.z.every: a round begins before the last step (10m) of the one before; expected more than 10m",
        ],
    ),
    (
        "announcements",
        PEOPLE
        + "oncall:\n  x: {rotation: {people: [a], every: 1d, handoff: 09:00, starts: 2026-11-02}, announce: {channel: db, at: noon}}\n"
        + "  y: {rotation: {people: [a], every: 1d, handoff: 09:00, starts: 2026-11-02}, announce: {channel: '#db', handover: false}}\n"
        + "  z: {rotation: {people: [a], every: 1d, handoff: 09:00, starts: 2026-11-02}, announce: {at: fri-mon 24:00}}\n"
        + "  g: {rotation: {people: [a], every: 1d, handoff: 09:00, starts: 2026-11-02}, group: DB-OnCall}\n",
        [
            f"7:99: oncall.x.announce.channel: found 'db'; {CHANNEL} (write \"#db\")",
            (
                "7:107: oncall.x.announce.at: found 'noon'; expected a time such as 09:00, which is on weekdays, or with its "
                "days: mon-fri 09:00, mon 08:30"
            ),
            "8:89: oncall.y.announce: it announces nothing; expected at: 09:00, or handover: true, or both",
            '9:89: oncall.z.announce: channel is missing; expected channel: a channel such as "#alerts" (in quotes), or its id such as C0123ABCD',
            (
                "9:94: oncall.z.announce.at: found 'fri-mon 24:00'; expected a time such as 09:00, which is on weekdays, or with "
                "its days: mon-fri 09:00, mon 08:30"
            ),
            (
                "10:86: oncall.g.group: found 'DB-OnCall'; expected a Slack user group such as \"@payments-oncall\", or its id such "
                'as S0123ABCD (write "@db-oncall")'
            ),
        ],
    ),
    (
        "maintenance and inhibition",
        HEAD
        + ROUTING
        + "maintenance:\n  - {name: a, match: [a=b], from: 2026-12-01T20:00Z, until: 2026-11-01}\n  - {name: a, match: [a=b], from: 2026-13-01}\n  - {}\n"
        + "inhibit:\n  - {name: x, while: [a=b], hold: [a=b], source_matchers: []}\n  - {name: x, while: [a=b], hold: [a=b], equal: x}\n",
        [
            "6:61: maintenance[0].until: until is not after from; expected an end after its beginning",
            "7:12: maintenance[1].name: a second maintenance is called 'a'; expected another name than in line 6",
            (
                "7:35: maintenance[1].from: found '2026-13-01'; "
                "expected an instant such as 2026-12-01T20:00, 2026-12-01T20:00Z or 2026-12-01T20:00+01:00"
            ),
            "8:5: maintenance[2]: name is missing; expected name: a name, without /",
            f"8:5: maintenance[2]: match is missing; expected match: {MATCH.removeprefix('expected ')}",
            (
                "8:5: maintenance[2]: from is missing; "
                "expected from: an instant such as 2026-12-01T20:00, 2026-12-01T20:00Z or 2026-12-01T20:00+01:00"
            ),
            (
                "10:42: inhibit[0].source_matchers: unknown key 'source_matchers'; "
                "expected while: […] (Alertmanager's source_matchers)"
            ),
            "11:12: inhibit[1].name: a second inhibition is called 'x'; expected another name than in line 10",
            "11:49: inhibit[1].equal: found 'x'; expected a list of labels (write [x])",
        ],
    ),
    (
        "limits and notes",
        HEAD
        + "routing: {channel: '#x', sla: {}, resolve_note: yes, routes: [{name: a, sla: {acknowledge: 0s, solve: 4h}}, {name: b, sla: 4h}]}\n",
        [
            "4:31: routing.sla: no limit; expected acknowledge: 15m, resolve: 4h, or both; or none",
            "4:49: routing.resolve_note: found 'yes'; expected one of optional, required",
            "4:92: routing.routes[0].sla.acknowledge: found '0s'; expected at least 1s",
            "4:96: routing.routes[0].sla.solve: unknown key 'solve'; expected one of acknowledge, resolve (did you mean resolve?)",
            "4:124: routing.routes[1].sla: found '4h'; expected a map with acknowledge, resolve",
        ],
    ),
    (
        "not yet",
        HEAD
        + "routing: {channel: '#x'}\n"
        + "copies: []\ncatalog: {}\nrules_files: []\nteam: x\nsilences: {max: 7d}\n"
        + "oncall: {a: {ical: []}}\nescalation: {}\nstorage: {url: {env: X}}\n",
        [
            "8:1: team: team has no place in this file; expected it in a team's file; to check one: alert-router check TEAM.yaml --with MAIN.yaml",
            "10:13: oncall.a: a schedule without a rotation; expected rotation: {…}, rotations: [{…, until: …}, {…, starts: …}], or layers: [{name: …, hours: …, rotation: {…}}]",
            f"10:14: oncall.a.ical: not yet (a calendar as schedule); {LATER}",
            "12:10: storage: path is missing; expected path: a path",
            f"12:11: storage.url: not yet (PostgreSQL); {LATER}",
        ],
    ),
    (
        "slash commands",
        "version: 1\nslack: {token: {env: T}, command: [incident, /PD, '/a b', 7]}\n"
        "sources: {p: {adapter: prometheus}}\n" + ROUTING,
        [
            f"2:36: slack.command[0]: found 'incident'; {COMMAND} (write /incident)",
            f"2:46: slack.command[1]: found '/PD'; {COMMAND} (write /pd)",
            f"2:51: slack.command[2]: found '/a b'; {COMMAND} (write /a-b)",
            f"2:59: slack.command[3]: found the number 7; {COMMAND}",
        ],
    ),
    (
        "emoji",
        "version: 1\nslack: {token: {env: T}, reactions: {':eyes:': acknowledge, Eyes: note, eyes: snooze, x: 1}}\n"
        "sources: {p: {adapter: prometheus}}\n" + ROUTING,
        [
            f"2:38: slack.reactions.:eyes:: the name ':eyes:'; {EMOJI}",
            f"2:61: slack.reactions.Eyes: the name 'Eyes'; {EMOJI}",
            "2:79: slack.reactions.eyes: found 'snooze'; expected one of acknowledge, resolve, note (did you mean note?)",
            "2:90: slack.reactions.x: found the number 1; expected one of acknowledge, resolve, note",
        ],
    ),
    (
        "secrets are never printed",
        "version: 1\nslack: {token: xoxb-hunter2, signing_secret: '${SECRET}', fallback_channel: x}\n"
        "sources: {p: {adapter: prometheus, auth: {bearer: [], basic: {username: u, password: {env: 1X}}, url_token: [{env: A}, b]}}}\n"
        + ROUTING,
        [
            f"2:16: slack.token: {SECRET} (the secret itself never stands in the file)",
            f"2:46: slack.signing_secret: {SECRET} (variables in text are not replaced here)",
            f"2:77: slack.fallback_channel: found 'x'; {CHANNEL} (write \"#x\")",
            f"3:51: sources.p.auth.bearer: {SECRET}",
            f"3:86: sources.p.auth.basic.password: {SECRET}",
            f"3:120: sources.p.auth.url_token[1]: {SECRET} (the secret itself never stands in the file)",
        ],
    ),
    (
        "sources",
        "version: 2\nslack: previev\nsources:\n  p: {adapter: promethius, auth: nne}\n"
        "  a b: {adapter: generic, auth: {}, map: {titlr: x}, severity_map: {a: b}, allow: [10.0.0.1/8, x]}\n"
        "  c: {adapter: datadog, map: {a: b}, labels: {a: [], b: {label: ''}}}\n"
        "  d: {adapter: prometheus, alertmanager_api: true, items: x, status_map: {a: firing}}\n"
        "  e: {adapter: prometheus, alertmanager_api: true}\n  f: {adapter: generic, alertmanager_api: true, map: {title: '{{ x', labels: {a: '[' }}}\n"
        + ROUTING,
        [
            "1:10: version: found the number 2; expected 1",
            "2:8: slack: found 'previev'; expected preview, or a map such as {token: {env: SLACK_BOT_TOKEN}} (did you mean preview?)",
            "4:16: sources.p.adapter: no adapter 'promethius'; expected one of prometheus, datadog, generic (did you mean prometheus?)",
            "4:34: sources.p.auth: found 'nne'; expected none, or a map with bearer, basic, hmac or url_token (did you mean none?)",
            "5:3: sources.a b: the name 'a b'; expected letters, digits, . _ -, up to 64 of them: it stands in a URL",
            "5:33: sources.a b.auth: an empty map; expected bearer, basic, hmac, url_token; or auth: none",
            "5:72: sources.a b.severity_map.a: found 'b'; expected one of critical, high, medium, low, info",
            "5:84: sources.a b.allow[0]: found '10.0.0.1/8'; expected a network such as 10.0.0.0/8, or an address (did you mean 10.0.0.0/8?)",
            "5:96: sources.a b.allow[1]: found 'x'; expected a network such as 10.0.0.0/8, or an address",
            "6:30: sources.c.map: datadog takes no map; expected adapter: generic, or no map",
            "6:50: sources.c.labels.a: found a list; expected a text, or {label: NAME} to copy one",
            "6:57: sources.c.labels.b: found a map; expected a text, or {label: NAME} to copy one",
            "7:59: sources.d.items: prometheus takes no items; expected adapter: generic, or no items",
            "7:74: sources.d.status_map: prometheus says itself what has ended; expected no status_map",
            "8:46: sources.e.alertmanager_api: d has it already; expected one source that answers /api/v2/alerts",
            "9:43: sources.f.alertmanager_api: f is no prometheus source; expected adapter: prometheus",
            "9:62: sources.f.map.title: template: line 1: unexpected end of template, expected 'end of print statement'.",
        ],
    ),
    (
        "the server",
        HEAD.replace("auth: none", "allow: [10.0.0.0/8]")
        + ROUTING
        + "server: {listen: ':9080', external_url: example.com, tokens: {reed: {env: X}}}\nname: 5\nstorage: {path: ''}\n",
        [
            (
                "2:8: slack: the preview shows every message to whoever reaches 0.0.0.0:9080; expected server: "
                "{listen: 127.0.0.1:9080}, or slack: {preview: {off_loopback: true}} to allow it"
            ),
            (
                "3:14: sources.p: p says nothing about auth, and 0.0.0.0:9080 can be reached by others; "
                "expected auth: {bearer: {env: NAME}} or another form; auth: none to take alerts from anyone"
            ),
            "5:41: server.external_url: found 'example.com'; expected an address that begins with http:// or https://",
            "5:63: server.tokens.reed: unknown key 'reed'; expected one of read, write, admin (did you mean read?)",
            '6:7: name: the number 5; expected a name, without / (if it is meant as text, write "5")',
            "7:17: storage.path: found ''; expected a path",
        ],
    ),
    (
        "listen",
        HEAD + ROUTING + "server: {listen: 9080}\n",
        ["5:18: server.listen: found the number 9080; expected an address such as 127.0.0.1:9080, [::1]:9080 or :9080"],
    ),
    (
        "slack",
        HEAD.replace("preview", "{token: {env: X}, preview: {off_loopback: true}}") + ROUTING,
        ["2:8: slack: a token and the preview; expected slack: preview, or slack: {token: {env: SLACK_BOT_TOKEN}, …}"],
    ),
    (
        "slack without anything",
        HEAD.replace("preview", "{}") + ROUTING,
        [
            "2:8: slack: neither a token nor the preview; expected slack: preview, or slack: {token: {env: SLACK_BOT_TOKEN}, …}"
        ],
    ),
    (
        "templates",
        HEAD
        + "routing: {channel: '#a', template: {title: '{{ x', text: {file: x}}, routes: [{name: r, template: {{ x }}}]}\n",
        ["4:100: a map or list as a key; expected text as a key (text that begins with { or [ wants quotes)"],
    ),
    (
        "templates that do not parse",
        HEAD
        + "routing: {channel: '#a', template: {title: '{{ x', text: {file: x}}, routes: [{name: r, template: {text: ''}}]}\n",
        [
            (
                "4:44: routing.template.title: not a template: unexpected end of template, expected 'end of print statement'.; "
                "expected Jinja, as in {{ labels.service }}"
            ),
            "4:58: routing.template.text: a file holds the text, not a part of it; expected template: {title: '…', file: PATH}",
            "4:106: routing.routes[0].template.text: found ''; expected text with {{ … }}",
        ],
    ),
]


@pytest.mark.parametrize(("text", "expected"), [case[1:] for case in MISTAKES], ids=[case[0] for case in MISTAKES])
def test_says_what_is_wrong(text: str, expected: list[str]) -> None:
    assert complaints(text) == expected


def test_a_mapping_is_the_adapters_to_judge() -> None:
    sources = "{p: {adapter: generic, auth: none, map: {title: x, labels: {a: '['}}}, q: {adapter: generic, auth: none, items: '['}}"
    found = loading(f"version: 1\nslack: preview\nsources: {sources}\n{ROUTING}").errors
    assert [(error.path, error.column) for error in found] == [("sources.p.map.labels.a", 73), ("sources.q.items", 122)]
    assert all(error.message.startswith("not a JMESPath: ") for error in found)


def test_a_complaint_about_what_is_not_there_is_placed_above_it() -> None:
    def refuse(_: SourceOptions) -> Parse:
        raise OptionsError("no title at all", path=("map", "title"))

    picky = {"prometheus": Adapter(name="prometheus", open=refuse, docs="")}
    found = linted(load([RulesText("c.yaml", HEAD + ROUTING)], adapters=picky), ADAPTERS)
    assert [str(error) for error in found.errors] == ["c.yaml:3:14: sources.p.map.title: no title at all"]


def test_no_file_at_all() -> None:
    assert [error.message for error in linted(load([], adapters=ADAPTERS), ADAPTERS).errors] == ["no file"]


WARNINGS = [
    (
        TREE + "    - {name: r, match: [a=b], continue: true}\n",
        [
            (
                "7:1: route r: r says continue: its alerts may make a second incident, with its own number and page; "
                "expected one owner per alert; continue only for what cannot be said otherwise"
            )
        ],
    ),
    (
        PEOPLE.replace(
            ROUTING,
            "routing: {channel: '#a', quiet: [n], routes: [{name: p, routes: [{name: r, match: [x=y], page: a}, {name: s}]}]}\n",
        )
        + "windows: {n: {hours: [22:00-06:00, 12:00-13:00]}}\n",
        [
            (
                "4:1: route p/r: p/r pages and inherits quiet: [n]: nobody is woken 22:00–06:00 and 12:00–13:00; "
                "expected quiet: none where somebody must be woken"
            )
        ],
    ),
    (
        PEOPLE.replace(ROUTING, "routing: {channel: none, quiet: [n], page: a, routes: [{name: r}]}\n")
        + "windows: {n: {days: sun, hours: 22:00-06:00}}\n",
        [
            (
                "4:1: route default: default pages and has quiet: [n]: nobody is woken during n; "
                "expected quiet: none where somebody must be woken"
            ),
            (
                "4:1: route default: default pages but tells no channel (channel: none); "
                "expected a channel where the incident can be seen"
            ),
        ],
    ),
    (
        PEOPLE.replace(
            ROUTING,
            "routing: {channel: '#a', page: gap, routes: ["
            "{name: r, match: [x=y], page: both}, {name: s, match: [x=z], page: last}, {name: t, match: [x=a], page: well}]}\n",
        )
        + "x-turns: &r {people: [a], every: 1d, handoff: 09:00, starts: 2026-11-02}\n"
        + "oncall:\n  gap: {layers: [{name: n, hours: 22:00-06:00, rotation: *r}, {name: d, hours: [08:00-12:00, 13:00-22:00], rotation: *r}]}\n"
        + "  both: {layers: [{name: n, hours: 18:00-09:00, rotation: *r}, {name: d, hours: 08:00-19:00, rotation: *r}]}\n"
        + "  last: {layers: [{name: n, rotation: *r}, {name: d, hours: 08:00-19:00, rotation: *r}]}\n"
        + "  well: {layers: [{name: n, hours: 18:00-09:00, rotation: *r}, {name: d, rotation: *r}]}\n",
        [
            (
                "8:17: oncall.gap.layers: gap: nobody is on call 06:00–08:00 and 12:00–13:00: no layer covers these hours; "
                "expected a layer for them, or a last one without hours"
            ),
            (
                "9:71: oncall.both.layers: both: n and d both cover 08:00–09:00 and 18:00–19:00: n wins, it stands first; "
                "expected hours that begin where the other's end"
            ),
            (
                "10:51: oncall.last.layers: last: the layers above d cover all its hours: it has the turn only where "
                "they have nobody; expected the layer with fewer hours first"
            ),
        ],
    ),
    (
        HEAD + ROUTING + "maintenance: [{name: m, match: [a=b], from: 2026-01-01}]\n",
        [
            (
                "5:22: maintenance[0]: m has no end: what it matches is held back until the entry is taken out; "
                "expected until: an instant"
            )
        ],
    ),
    (
        HEAD.replace("preview", "{preview: {off_loopback: true}}") + ROUTING + "server: {listen: ':9081'}\n",
        [
            (
                "3:42: sources.p.auth: p takes alerts from anyone who reaches 0.0.0.0:9081; "
                "expected auth: {bearer: {env: NAME}} or another form, or allow: [10.0.0.0/8]"
            ),
            (
                "5:9: server.tokens: others can reach the listener, and there are no tokens: "
                "only intake, health and metrics answer them; expected tokens: {read: {env: NAME}, …}"
            ),
            (
                "5:9: server.external_url: no external_url: links in messages lead to http://localhost:9081; "
                "expected the address people reach it by"
            ),
        ],
    ),
    (
        HEAD.replace("preview", "{token: {env: X}}").replace("none", "{bearer: {env: P}}")
        + ROUTING
        + "server: {listen: ':9081', external_url: https://x.example, tokens: {read: {env: X}}}\n",
        [],
    ),
]


@pytest.mark.parametrize(("text", "expected"), WARNINGS)
def test_warns(text: str, expected: list[str]) -> None:
    found = loading(text)
    assert found.errors == ()
    assert [str(warning).removeprefix("c.yaml:") for warning in found.warnings] == expected


def test_a_well_written_file_has_no_warning() -> None:
    assert loading(HEAD + ROUTING).warnings == ()
    assert accepted(HEAD + ROUTING).name == "alert-router"
