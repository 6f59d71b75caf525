"""The desk where attendants answer leads: `/admin/atendimento/`."""
