"""What was measured or judged of sound, what sounds alike, and the commands about both."""

WORDS = {
    # A figure of a recording.
    "AudioFeature.name": (
        "Which figure: tempo_bpm, tempo_stability, key, loudness_lufs, loudness_range_lu, true_peak_dbtp, "
        "duration_s, quality, energy, danceability, spectral_…, genre, mood, instruments, vocals, era or "
        "description. The unit ends the name: BPM, LUFS, LU, dBTP, s, Hz; others are 0 to 1 or texts."
    ),
    "AudioFeature.number": (
        "The value of a figure that is a number, in the unit that its name ends with. loudness_lufs, "
        "loudness_range_lu and true_peak_dbtp are by EBU R 128 and ITU-R BS.1770-5. Null for a text, and "
        "where nothing can be said: a tempo less sure than the house's threshold (0.7 unless set) stands in "
        "rivals alone."
    ),
    "AudioFeature.text": (
        "The value of a figure that is a text: a key as `F# minor`, flags of quality or `good`, the surest "
        "genre. Null for a number, and where nothing can be said."
    ),
    "AudioFeature.reason": (
        "Why number and text are both null: silence, no beat, no steady pitch, not sure enough …; else null."
    ),
    "AudioFeature.rivals": (
        "What the same source holds possible beside the value, surest first: objects with number or text "
        "and confidence; a tempo's have relation (`2`, `1/2`, `2/3` …) to the likeliest, a key's camelot "
        "and open_key, a tagger's words score. Null where there are none."
    ),
    "AudioFeature.detail": (
        "What belongs to the value. key: camelot, open_key, tuning_cents off A = 440 Hz; tempo and key: "
        "segments with start_s and end_s, where it changes; quality: flags and their figures; duration_s: "
        "container, codec, rate_hz, channels, header_duration_s …; a tagger's word: its uncalibrated score."
    ),
    "AudioFeature.basis": (
        "What it rests on. measured: of the sound, by a norm or a calibrated method; heuristic: a formula "
        "of the house, after no norm; judged: by ear, a tagger's or a language model's; said: by a tag or a "
        "person."
    ),
    "AudioFeature.source": (
        "Who says it: analysis (our own), tags (the file, of itself), model (a language model that hears) "
        "or manual (a person). Of what is measured a person counts first, then analysis, tags, model; of "
        "what is judged a person, model, analysis, tags."
    ),
    "AudioFeature.model": (
        "What made it: `catalograph/` and the part of the analysis, provider/name of a language model, "
        "`tags` or `person`."
    ),
    "AudioFeature.modelVersion": "The version of that part or model; empty for tags and persons.",
    "AudioFeature.confidence": (
        "0 to 1. For tempo, key, genre and instruments of our analysis: the share of such cases that came "
        "true on labelled clips (calibrated; docs/enrichment.md has the table and its limits). Of a "
        "language model: its own, not calibrated. Null where nobody can say how sure it is: loudness, "
        "duration, quality, spectrum, energy, danceability, the taggers' mood, vocals and era, tags, "
        "persons."
    ),
    "AudioFeature.locked": "A person has fixed it: no other source counts until releaseFeature.",
    "AudioFeature.measuredAt": "Since when this value counts.",
    "Recording.features": (
        "Its figures as they count now, by name; empty where nobody analysed or described it. What other "
        "sources claim stands in provenance."
    ),
    "Track.features": "The figures of the track's recording; empty where it has none that you may see.",
    # What was made of a file.
    "Recording.enrichments": "What was made of each file of its sound, and why where nothing was.",
    "Enrichment.state": (
        "running; done: its figures are at the recording; refused: the bytes gave nothing; failed: we could "
        "not, and another try may."
    ),
    "Enrichment.sha256": "Of the bytes that were analysed, in hex. The same bytes are analysed once.",
    "Enrichment.models": "The version that made (or tried) each part of the analysis: {part: version}.",
    "Enrichment.result": (
        "What was found, in short: duration_s, tempo_bpm, key, loudness_lufs, genre, flags, tags, "
        "fingerprint. It stands though a later try gave nothing; null where none ever did."
    ),
    "Enrichment.code": (
        "Why the last try gave nothing: audio_broken, audio_empty, audio_unknown, audio_too_complex …, "
        "given_up, detached; null where it gave something."
    ),
    "Enrichment.text": "The same in words.",
    "Enrichment.jobId": "The job that was last at it; jobs are gone after a time.",
    "Enrichment.createdAt": "When it was first tried.",
    "Enrichment.updatedAt": "When it last found something; where it never did, when it was last tried.",
    "Enrichment.recording": "Whose sound it is; null where it is gone or you may not see it.",
    "Enrichment.file": "The file; null where it is gone, or not for you to see.",
    # What sounds alike.
    "*.similar": (
        "What sounds like it, nearest first, and what the answer rests on; null of a track without a "
        "recording that you see."
    ),
    "*.mixableNext": (
        "What follows well on it in a mix: neighbours on the Camelot wheel whose tempo is near, ordered by "
        "0.4 key + 0.3 tempo + 0.3 sound."
    ),
    "*.similar(filter)": "Which are wanted; every recording that you may see unless said.",
    "*.mixableNext(filter)": "Which are wanted, beside fitting by key and tempo, which they do in any case.",
    "Query.similar(recordingId)": "The recording that others are compared with: its id, or its UUID.",
    "Query.mixableNext(recordingId)": "The recording that is to be followed: its id, or its UUID.",
    "Similar.isComparable": "Whether anything can be compared; if not, reason says why and hits is empty.",
    "Similar.reason": (
        "Why nothing can be compared: no_embedding, silence, too_short, noise, no_tempo, no_key, "
        "other_version, nothing_else, or what the model said of the sound; null where it can."
    ),
    "Similar.text": "The same in words; where there are hits, what they are ordered by.",
    "Similar.model": "What made the recording's vector of sound; null where it has none.",
    "Similar.modelVersion": "Vectors of other versions are not compared.",
    "Similar.dimensions": "How many numbers the vector has: 400 for sound; null where there is none.",
    "Similar.madeAt": "When the recording's own vector was made.",
    "Similar.hits": "Nearest first, at most `first` of those that you may see.",
    "SimilarRecording.recording": "The one that is near.",
    "SimilarRecording.similarity": (
        "What hits are ordered by: for similar the same as sound, -1 to 1; for mixableNext 0.4 key + 0.3 "
        "tempo + 0.3 sound, 0 to 1. It is no probability."
    ),
    "SimilarRecording.sound": (
        "Cosine of the angle between both vectors of sound, 1 for the same, -1 for the opposite; null where "
        "one has none of this version."
    ),
    "SimilarRecording.tempo": (
        "1 where the tempo need not be moved, 0 where by tempoWithin or more; null where one is not known."
    ),
    "SimilarRecording.key": (
        "By the Camelot wheel: 1 for the same key, 0.9 for the relative, 0.8 for an hour on or back, else "
        "0; null where one is not known."
    ),
    "SimilarRecording.tempoBpm": "Its tempo in beats a minute, as it counts now; null where it is not known.",
    "SimilarRecording.tempoRatio": (
        "How the tempos meet: `1` as they are, `2` where its beat is taken at double, `1/2` at half; null "
        "where one is not known."
    ),
    "SimilarRecording.tempoShiftPercent": (
        "By how many percent it is to be played faster (below 0: slower) to meet this one's tempo at that "
        "ratio; null where one is not known."
    ),
    "SimilarRecording.camelot": (
        "Its key on the Camelot wheel, as `8A` (minor) or `8B` (major); null if unknown."
    ),
    "SimilarRecording.keyRelation": (
        "Where its key stands seen from this one's: same, relative (same hour, other letter), up or down "
        "(an hour on or back), or none; null where one is not known."
    ),
    "SimilarFilter.tempoMin": "Beats a minute, 0 to 1000. What has no known tempo is left out.",
    "SimilarFilter.tempoMax": "Beats a minute, 0 to 1000, not below tempoMin.",
    "SimilarFilter.tempoWithin": (
        "Percent that its tempo may lie off this one's, 0.1 to 50; 6 where mixable asks for it and nothing "
        "is said."
    ),
    "SimilarFilter.halfDouble": "Whether half and double of a tempo count as it; true unless said.",
    "SimilarFilter.key": (
        "Any of these keys, written as `8A`, `1m` (Open Key), `A minor` or `Am`; 50 at most."
    ),
    "SimilarFilter.keyCompatible": (
        "true: the same key, its relative, or an hour off on the Camelot wheel. false is as if unsaid."
    ),
    "SimilarFilter.mixable": "true: keyCompatible and tempoWithin together. false is as if unsaid.",
    "SimilarFilter.genre": (
        "Any of these, among its catalogued genres or the one heard in it, without case and accents; 50 at "
        "most."
    ),
    "SimilarFilter.yearFrom": "Of the recording, else of its P-line, else of its first release.",
    "SimilarFilter.yearTo": "That year included, not below yearFrom.",
    # What is spelled alike.
    "NearEntities.entity": "The one that was asked about.",
    "NearEntities.isComparable": "Whether anything can be compared; if not, reason says why.",
    "NearEntities.reason": "no_embedding, no_words or nothing_else; null where it can be compared.",
    "NearEntities.text": "The same in words; where there are hits, what they are ordered by.",
    "NearEntities.model": "What makes vectors of words: hashing, which learned nothing and knows no meaning.",
    "NearEntities.modelVersion": "Vectors of other versions are not compared.",
    "NearEntities.dimensions": "How many numbers such a vector has.",
    "NearEntities.hits": "Nearest first, at most `first` of those that you may see.",
    "NearEntity.kind": "As `artist` or `release`.",
    "NearEntity.similarity": (
        "Cosine of the angle between both vectors, 1 for the same; it is no probability."
    ),
    "Query.similarTo(entity)": "Of any kind but a deal: its id. One that you may not see gives null.",
    "Query.similarTo(first)": "1 to 100; 10 unless said.",
    "Query.similarTo(types)": "Only these kinds, as `artist` or `recording`; all but deals unless said.",
    # Commands.
    "EnrichRecordingInput.again": (
        "true: also where this version could make nothing of the bytes. They are looked at once a day at "
        "most, whoever asks; sooner, the answer is the one that is kept."
    ),
    "EnrichCatalogInput.recordingIds": (
        "Ids or UUIDs of recordings of your organization, 1,000 at most; all of them unless said."
    ),
    "ExtractAudioFeaturesInput.entityType": "recording, or track: then its recording is meant.",
    "ExtractAudioFeaturesInput.audioUri": (
        "An https address of at most 2,000 characters on a public host, without user and password. It is "
        "fetched once, as large as your tier takes, and the bytes are kept for a day."
    ),
    "CorrectFeatureInput.name": (
        "Which figure, as features name them: tempo_bpm, key, genre …; any that spectral_ begins may be said."
    ),
    "CorrectFeatureInput.number": (
        "For figures that are numbers, in the unit of the name: tempo_bpm 20 to 400, loudness_lufs -100 to "
        "20, true_peak_dbtp -150 to 30, energy and danceability 0 to 1 …"
    ),
    "CorrectFeatureInput.text": (
        "For figures that are texts, 1 to 2,000 characters; a key as `C major`, `F# minor`, `Am`, `8A` or "
        "`1m`. Of number, text and unknown one is said."
    ),
    "CorrectFeatureInput.unknown": "true, without number and text: that nothing can be said of it.",
    "CorrectFeatureInput.lock": (
        "true: no other source counts, whatever the owner believes first, until releaseFeature."
    ),
    "ReleaseFeatureInput.name": "Which figure, as it was corrected.",
    "GenerateEmbeddingInput.entityType": "As `recording`, `artist` or `release`; any kind of the catalog.",
    "GenerateEmbeddingInput.content": (
        "A text that tells of it, at most 10,000 characters; its own titles, names, credits and genres "
        "unless said. Who may see the entity may guess at it by what is near."
    ),
    "GenerateEmbeddingPayload.model": (
        "What made the vector: hashing of pieces of words, which learned nothing."
    ),
    "GenerateEmbeddingPayload.modelVersion": "Vectors of other versions are not compared.",
    "GenerateEmbeddingPayload.dimensions": "How many numbers it has.",
    "GenerateEmbeddingPayload.ofSha256": (
        "Of the text that it was made of, in UTF-8, in hex. Null where the text is the entity's own and you "
        "may not read it: catalog:read, for deals rights:read."
    ),
    "GenerateEmbeddingPayload.isNew": "Whether it differs from the one that was kept before.",
    "GenerateEmbeddingPayload.vector": (
        "Of unit length. Null where the text has no letter and no digit, or may not be read by you."
    ),
    "GenerateEmbeddingPayload.reason": "no_words where there is no vector; else null.",
}
