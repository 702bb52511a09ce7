"""What is called alike in many types and means the same there: ids, instants, pages, orders, answers."""

WORDS = {
    "*.id": "Global: it names the kind as well, and `node` finds it. A UUID does where the kind is known.",
    "*.createdAt": "When it came here.",
    "*.updatedAt": "When it last changed.",
    "*.version": "Grows by one with each change; `expectedVersion` guards a change by it.",
    "*(id)": "Its id; where the kind is known, its UUID does as well.",
    "*(filter)": "Which are wanted; all that you may see unless said.",
    "*(everybody)": "true: of all organizations together; needs the scope system:admin.",
    # Pages.
    "PageInfo.hasNextPage": "Whether there is more after this page.",
    "PageInfo.hasPreviousPage": "Whether there is more before this page.",
    "PageInfo.startCursor": "Of the first on the page; null where the page is empty.",
    "PageInfo.endCursor": (
        "Of the last on the page: `after` it begins the next. Null where the page is empty."
    ),
    "*Connection.nodes": "The page without cursors.",
    "*Connection.edges": "The page with a cursor for each.",
    "*Connection.pageInfo": "Whether there is more, and where to read on.",
    "*Edge.cursor": "Signed and opaque: for `after` and `before` of the same list, in the same order.",
    "*Edge.node": "What stands there.",
    # Orders.
    "*.ID_ASC": "By id, and so by when it was made: the oldest first.",
    "*.ID_DESC": "By id, and so by when it was made: the newest first.",
    "*.CREATED_AT_ASC": "What came first, first.",
    "*.CREATED_AT_DESC": "What came last, first.",
    "*.UPDATED_AT_ASC": "What has not changed for longest, first.",
    "*.UPDATED_AT_DESC": "What changed last, first.",
    # Filters.
    "*Filter.ids": "Only these, by id or UUID.",
    "TextFilter.equals": "The whole text is this, without case and accents.",
    "TextFilter.startsWith": "The text begins so, without case and accents.",
    "TextFilter.contains": "This stands somewhere in the text, without case and accents.",
    # What commands take and give.
    "*Input.expectedVersion": (
        "The version that was read: VERSION_CONFLICT where it has changed since. Unsaid, nothing is compared."
    ),
    "*Payload.changeSet": "What the command wrote, as the audit trail has it; null where it was refused.",
    "*Payload.deletedId": "What is gone; null where the command was refused.",
    "*Payload.job": "The work that follows; null where the command was refused.",
    "*Payload.recording": "The recording after the change; null where the command was refused.",
    "UserError.message": "What was given and what would do.",
}
