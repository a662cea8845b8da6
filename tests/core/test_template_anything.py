"""Whatever senders write, own words with times and links in them make a message that Slack takes, and none of theirs is one."""

import re

from hypothesis import given, settings

from router.core.render.blocks import faults
from router.core.render.direct import page_message
from router.core.render.message import incident_message
from router.core.templates.template import words_of
from router.core.view import IncidentView, MessageTemplate, PageView
from tests.core.incidents import PAGES, VIEWS, but
from tests.core.test_message import texts

EVERYTHING = """\
*{{ title }}* _{{ name }}_ `{{ summary }}` {{ severity }} {{ route }} {{ sources }} {{ on_call }}
{% for name, value in labels.items() %}{{ name }}={{ value }} {% endfor %}
{% for alert in alerts %}- {{ alert.title }} {{ alert.started_at }} {{ alert.started_at | ago }} {{ alert.url | link(alert.title) }} {{ alert.differs.keys() }}
{% endfor %}{% for one in links %}{{ one.url | link(one.label) }} `{{ one.url | link }}` {% endfor %}
{% for held in held_back %}{{ held.count }} {{ held.by }} {{ held.until }} {% endfor %}{{ ended_at }} {{ lasted }} {{ url | link('page') }}"""


@settings(max_examples=30, deadline=None)
@given(VIEWS, PAGES)
def test_any_words_of_ones_own_are_a_message_that_slack_takes(view: IncidentView, page: PageView) -> None:
    view = but(view, template=MessageTemplate(title="{{ title }} {{ started_at | ago }}", text=EVERYTHING))
    for message in (
        incident_message(view, is_primary=True, external_url="https://router.example"),
        page_message(view, page, "https://router.example"),
    ):
        assert faults(message) == ()
        everything = message.text + "".join(texts(message))
        assert not re.search("[\ufdd0-\ufdef]", message.text)
        for seen in ("<!channel", "<!here", "javascript:alert(1)|", "<https://evil"):
            assert seen not in everything
        assert "<@" not in everything
    assert not [
        fault
        for fault in words_of(view, "https://router.example").faults
        if "4000 characters" not in fault and "too much work" not in fault
    ]
