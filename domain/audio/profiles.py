"""How often each degree of a key is heard, tonic first, as published: (major, minor) by name.

krumhansl: probe-tone ratings, Krumhansl & Kessler 1982 (Cognitive Foundations of Musical Pitch, 1990).
temperley: counts in the Kostka-Payne corpus, Temperley, Music and Probability, 2007.
braw: medians of chroma of Beatport tracks, Faraldo et al., A multi-profile method for key estimation in
EDM, 2017. bgate: braw with the weakest degrees set to zero, same source.
"""

import numpy as np
from numpy.typing import NDArray

Profile = NDArray[np.float64]

PROFILES: dict[str, tuple[Profile, Profile]] = {
    name: (np.array(major), np.array(minor))
    for name, major, minor in (
        (
            "krumhansl",
            (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88),
            (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17),
        ),
        (
            "temperley",
            (0.748, 0.060, 0.488, 0.082, 0.670, 0.460, 0.096, 0.715, 0.104, 0.366, 0.057, 0.400),
            (0.712, 0.084, 0.474, 0.618, 0.049, 0.460, 0.105, 0.747, 0.404, 0.067, 0.133, 0.330),
        ),
        (
            "braw",
            (1.0000, 0.1573, 0.4200, 0.1570, 0.5296, 0.3669, 0.1632, 0.7711, 0.1676, 0.3827, 0.2113, 0.2965),
            (1.0000, 0.2330, 0.3615, 0.3905, 0.2925, 0.3777, 0.1961, 0.7425, 0.2701, 0.2161, 0.4228, 0.2272),
        ),
        (
            "bgate",
            (1.00, 0.00, 0.42, 0.00, 0.53, 0.37, 0.00, 0.77, 0.00, 0.38, 0.21, 0.30),
            (1.00, 0.00, 0.36, 0.39, 0.00, 0.38, 0.00, 0.74, 0.27, 0.00, 0.42, 0.23),
        ),
    )
}


def turned(profile: tuple[Profile, Profile]) -> Profile:
    """A profile as seen from all 24 keys, C to B major, then C to B minor: rows of mean 0 and length 1."""
    rows = np.stack([np.roll(mode, tonic) for mode in profile for tonic in range(12)])
    rows = rows - rows.mean(axis=1, keepdims=True)
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))


def likeness(chroma: NDArray[np.float64], profile: tuple[Profile, Profile]) -> NDArray[np.float64]:
    """The correlation of twelve pitch classes with all 24 keys: C to B major, then C to B minor."""
    level = chroma - chroma.mean()
    return np.asarray(turned(profile) @ level / max(float(np.linalg.norm(level)), 1e-12))
