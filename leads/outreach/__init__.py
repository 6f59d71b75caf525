"""People and companies whom we turn to, before they ask and after they bought."""
