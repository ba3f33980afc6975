"""Where tasks happen; every engine answers submit, status, result, cancel."""
