"""The preview as a way out: the same messages as in Slack, and the same refusals, without its pace."""

from datetime import datetime

from router.core.answer import Answer
from router.core.content import Content
from router.core.delivery import Capability, Terms
from router.core.render.content import rendered
from router.notifiers.notifier import Notifier
from router.notifiers.preview.preview import Preview, group_id
from router.notifiers.tag import tag_of

NAME = "preview"
_TERMS = Terms(frozenset({Capability.EDIT, Capability.THREAD, Capability.FIND, Capability.LOOK_UP}))


class PreviewNotifier(Notifier):
    """The local page."""

    def __init__(self, preview: Preview) -> None:
        self._preview = preview

    @property
    def name(self) -> str:
        return NAME

    @property
    def terms(self) -> Terms:
        return _TERMS

    async def post(self, channel: str, content: Content, key: str, *, ts: str = "") -> Answer:  # noqa: ARG002  it edits
        return await self._preview.post(channel, rendered(content), tag_of(content, key))

    async def edit(self, channel: str, ts: str, content: Content, key: str) -> Answer:
        return await self._preview.edit(channel, ts, rendered(content), tag_of(content, key))

    async def reply(self, channel: str, ts: str, content: Content, key: str) -> Answer:
        message = rendered(content.with_groups({one: group_id(one) for one in content.groups}), is_reply=True)
        return await self._preview.post(
            channel, message, tag_of(content, key), thread_ts=ts, broadcast=content.is_broadcast
        )

    async def find(self, channel: str, key: str, *, since: datetime, until: datetime, ts: str = "") -> Answer:
        return await self._preview.find(channel, key, oldest=since, latest=until, thread_ts=ts)

    async def look_up(self, target: str) -> Answer:
        return await self._preview.resolve(target)
