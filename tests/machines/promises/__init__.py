"""What is promised to people, checked by what they see and hear: no part of this looks into the engine or its store.

`site` is the whole product on a virtual clock: a rules file through the real loader, requests through the real adapters,
a strict Slack. `findings` are short stories, each of a promise that was once broken. `model` says what must be true, from
the documents alone; `machine` makes random histories and holds them against it.
"""
