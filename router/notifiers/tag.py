"""What a message carries unseen: whose it is, and by which key it is found again. Of notifiers that keep a history."""

import msgspec

from router.core.content import Content


class Tag(msgspec.Struct, frozen=True):
    """Metadata of every message: to find a duplicate, adopt our own messages, refuse another instance's click."""

    instance: str
    delivery_id: str
    incident: int = 0
    group_key: str = ""


def tag_of(content: Content, key: str) -> Tag:
    view = content.view
    group_key = f"{view.route}:{sorted(view.group_labels.items())}" if view is not None else ""
    return Tag(content.instance, key, content.incident, group_key)
