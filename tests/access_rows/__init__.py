"""Which rows a viewer sees: own, public, licensed, and there where it is bound."""
