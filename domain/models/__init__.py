"""Language models that hear: who is asked about a recording, what it said and cost, and how good it is."""
