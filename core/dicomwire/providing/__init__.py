"""The provider's half of the face of our own: services made of typed handlers (extension)."""
