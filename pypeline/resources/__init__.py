"""Icons, themes and sample flows: data, no behaviour."""
