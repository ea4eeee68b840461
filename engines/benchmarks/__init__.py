"""Suites that find out on groups never seen what each modality, each gate and chance are worth."""
