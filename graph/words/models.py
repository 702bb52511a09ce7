"""Models that hear: the registry, how they fare, what was decided and what is allowed."""

WORDS = {
    "Model.provider": "qwen or openai, asked over a network; embedded: our own taggers.",
    "Model.model": "Its name, as the provider calls it.",
    "Model.promptVersion": "The version of the question it is asked; another version is another model here.",
    "Model.codeVersion": "The version of our code that reads its answers.",
    "Model.role": (
        "champion answers first, challenger a tenth of the recordings first, fallback where those fail or "
        "are unsure; embedded are our own taggers; retired is asked no more."
    ),
    "Model.roleSince": "Evidence about champion and challenger counts from then on.",
    "Model.textInUsd": "US dollars for a million tokens of text sent; null: nobody said, so it is not asked.",
    "Model.audioInUsd": (
        "US dollars for a million tokens of sound sent; null: nobody said, so it is not asked."
    ),
    "Model.outUsd": "US dollars for a million tokens answered; null: nobody said, so it is not asked.",
    "AddModelInput.provider": "qwen or openai; the settings name their endpoints.",
    "AddModelInput.model": "As the provider calls it, 1 to 200 characters.",
    "AddModelInput.role": "challenger (the one before becomes a fallback) or fallback.",
    "AddModelInput.textIn": (
        "US dollars for a million tokens of text sent, 0 to 100,000; what is published for OpenAI's, "
        "nothing for qwen, unless said."
    ),
    "AddModelInput.audioIn": "The same for tokens of sound sent.",
    "AddModelInput.out": "The same for tokens answered.",
    "EditModelInput.role": (
        "challenger, fallback or retired; promoteModel makes a champion. Stays unless said."
    ),
    "EditModelInput.textIn": "US dollars for a million tokens of text sent, 0 to 100,000; stays unless said.",
    "EditModelInput.audioIn": "The same for tokens of sound sent.",
    "EditModelInput.out": "The same for tokens answered.",
    "PromoteModelInput.reason": "Why, 1 to 500 characters; it stands in modelDecisions.",
    "RollbackModelInput.reason": "Why, 1 to 500 characters; it stands in modelDecisions.",
    "DecideModelsInput.policy": (
        "off: only tell; propose: a notice to the operator; apply: do it, unless it costs more. A roll-back "
        "is made by both."
    ),
    "*Payload.modelId": "The model that was changed.",
    "*Payload.provider": "qwen or openai.",
    "*Payload.model": "Its name, as the provider calls it.",
    "*Payload.role": "Its role after the change.",
    "DecideModelsPayload.verdict": (
        "wait (fewer than 200 pairs, or nobody to compare), keep, promote or roll_back."
    ),
    "DecideModelsPayload.why": "The figures that it rests on, in a sentence.",
    "DecideModelsPayload.done": "proposed, promoted or rolled_back; empty where nothing was done.",
    "ModelPermission.paidModels": "Whether models that cost something may be asked; the tier says it.",
    "ModelPermission.centsPerDay": "US cents that all calls of a day may cost; the tier says it.",
    "ModelPermission.outside": (
        "Whether recordings that everybody may see may be sent to endpoints outside of the house; not "
        "unless the organization said so."
    ),
    "ModelPermission.privateToo": "Whether those that nobody else may see may be sent there as well.",
    "ModelReport.model": "Of which version of which model.",
    "ModelReport.calls": "Requests that ended, each about one window of sound.",
    "ModelReport.failed": "Of these, how many gave no answer that can be used.",
    "ModelReport.errorRate": "failed / calls, 0 to 1; null without calls.",
    "ModelReport.errors": "The failed ones by type.",
    "ModelReport.latencyP50Ms": (
        "Milliseconds within which half of the answered calls came; null without any."
    ),
    "ModelReport.latencyP95Ms": (
        "Milliseconds within which 95 % of the answered calls came; null without any."
    ),
    "ModelReport.latencyP99Ms": (
        "Milliseconds within which 99 % of the answered calls came; null without any."
    ),
    "ModelReport.answers": "Answers about a recording's sound, each from all of its windows together.",
    "ModelReport.served": "Of these, how many the catalog was given; others were unsure or asked to compare.",
    "ModelReport.confidence": (
        "The mean of all answers, 0 to 1, from the probabilities of its words; not calibrated. Null without "
        "answers."
    ),
    "ModelReport.unsure": "Answers below 0.7.",
    "ModelReport.confidenceSteps": "Answers by confidence: ten counts, for 0 to 0.1, 0.1 to 0.2 … 0.9 to 1.",
    "ModelReport.personAgreement": (
        "How far answers agree with what persons corrected, 0 to 1, in the mean; null where nobody did."
    ),
    "ModelReport.comparedWithPersons": "Over how many answers that is.",
    "ModelReport.embeddedAgreement": (
        "How far answers agree with our own taggers, 0 to 1, in the mean, where no person said anything; "
        "null without any. It measures likeness, not truth."
    ),
    "ModelReport.comparedWithEmbedded": "Over how many answers that is.",
    "ModelReport.costUsd": (
        "US dollars of all calls, failed ones as well; what may have been charged counts in full."
    ),
    "ModelReport.costPerAnswerUsd": "costUsd / answers; null without answers.",
    "ModelErrors.count": "Calls that failed so.",
    "ModelErrors.error": (
        "timeout, away, rests (left alone after failures), rate_limited, server_error, unauthorized, "
        "bad_request, invalid_json, cut_short, off_schema, refused or lost."
    ),
    "ModelDecision.kind": "proposed, promoted or rolled_back.",
    "ModelDecision.fromModel": "The champion before; null where there was none.",
    "ModelDecision.toModel": "Who became, or is proposed as, champion.",
    "ModelDecision.evidence": (
        "What the policy saw: pairs of answers, the mean difference of agreement with its bounds (99 %, "
        "one-sided), errors, latency, cost. Null where a person decided."
    ),
    "ModelDecision.madeAt": "What was proposed is not proposed again for a week from then.",
    "ModelDecision.why": "The person's reason, or the policy's.",
    "ModelDecision.madeBy": (
        "Who decided, as the audit trail names actors; `policy` where it was the daily look."
    ),
    "Query.modelReport(days)": "1 to 366; 30 unless said.",
    "Query.modelReport(everybody)": "true: of all organizations together; needs the scope system:admin.",
    "Query.modelDecisions(first)": "1 to 100; 20 unless said.",
}
