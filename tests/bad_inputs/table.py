"""The table of bad inputs: what each file must be answered with. Row numbers are those of the contract.

``says`` and ``mend`` are parts of message and mend. ``schema`` tells whether the published JSON
Schema refuses the file's plain data too; ``None``: the text holds no plain data to judge. ``by``
is the room that refuses: ``reader`` or ``check`` (core, with the catalogue of built-in types).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

FILES = Path(__file__).parent / "files"


@dataclass(frozen=True)
class Row:
    """One bad file and the first problem it must be answered with."""

    file: str
    code: str
    line: int
    column: int
    says: str
    mend: str
    schema: bool | None = None
    by: Literal["reader", "check"] = "reader"
    severity: Literal["error", "warning"] = "error"

    @property
    def number(self) -> int:
        """The row of the contract."""
        return int(self.file[:2])


READER = (
    Row("01_empty.yaml", "PYE101", 1, 1, "flow is empty; a flow needs `flow:` and `modules:`", "Write both keys", True),
    Row("02_comments.yaml", "PYE101", 1, 1, "flow is empty; a flow needs `flow:` and `modules:`", "Write both keys", True),
    Row("02_single_value.yaml", "PYE113", 1, 1, "expected a mapping at top level, found a single value", "Begin with", True),
    Row("03_picture.yaml", "PYE102", 0, 0, "not a text file (byte 0x89 at offset 0)", "Give the path of a flow file"),
    Row("04_utf16.yaml", "PYE103", 1, 1, "UTF-16", "Save it as UTF-8"),
    Row("05_latin1.yaml", "PYE103", 7, 12, "not UTF-8 at line 7 col 12 (byte 0xFC)", "Save the file as UTF-8"),
    Row("07_nul.yaml", "PYE104", 3, 18, "control character U+0000 at line 3 col 18", "Delete it"),
    Row("08_tab.yaml", "PYE108", 3, 1, "TAB used for indentation, line 3", "Use spaces"),
    Row("09_indentation.yaml", "PYE107", 3, 11, "a `:` stands where no key can be", "indentation of this line"),
    Row("09_list_not_closed.yaml", "PYE107", 3, 12, "a list opened with `[` is not closed", "Close it with `]`"),
    Row("09_open_quote.yaml", "PYE109", 3, 16, "the quote opened at line 3 is not closed", "Close it"),
    Row("09_open_quote_to_the_end.yaml", "PYE109", 3, 16, "the quote opened at line 3 is not closed", "Close it"),
    Row("10_doubled_key.yaml", "PYE110", 5, 5, "duplicate key `id` (first at line 4)", "Remove or rename", False),
    Row("11_number_as_key.yaml", "PYE111", 11, 11, "keys must be text", 'Quote it: "1"'),
    Row("12_list_as_key.yaml", "PYE111", 4, 3, "keys must be text", "text key"),
    Row("12_unquoted_variable.yaml", "PYE111", 8, 21, "keys must be text", "begins with {{…}} needs quotes"),
    Row("13_two_documents.yaml", "PYE112", 4, 1, "one flow per file; second document at line 4", "a file of its own"),
    Row("14_list_on_top.yaml", "PYE113", 1, 1, "expected a mapping at top level, found a list", "Begin with", True),
    Row("15_python_tag.yaml", "PYE114", 4, 11, "tag `!!python/object/apply:os.system` is not allowed", "Remove the tag"),
    Row("16_binary_tag.yaml", "PYE114", 3, 16, "tag `!!binary` is not allowed", "Remove the tag"),
    Row("16_own_tag.yaml", "PYE114", 3, 16, "tag `!x` is not allowed", "Remove the tag"),
    Row("16_set_tag.yaml", "PYE114", 3, 10, "tag `!!set` is not allowed", "Remove the tag"),
    Row("17_alias_laugh.yaml", "PYE115", 4, 7, "aliases are not supported", "Write the value out"),
    Row("18_merge_key.yaml", "PYE116", 4, 3, "merge keys `<<` are not supported", "Write the keys out"),
    Row("18_merge_bomb.yaml", "PYE115", 4, 7, "aliases are not supported", "Write the value out"),
    Row("19_recursive_alias.yaml", "PYE115", 2, 14, "recursive alias", "Write the value out"),
    Row("31_newer_format.yaml", "PYE120", 1, 9, "made by a newer PYpeline (format 99, this one knows <= 1)", "newer PYpeline", True),
    Row("32_text_as_format.yaml", "PYE121", 1, 9, "known formats: 1", "a missing one is 1", True),
    Row("33_unknown_key.yaml", "PYE131", 1, 1, "`modules` is missing", "Write `modules:`", True),
    Row("33_config_beside_required.yaml", "PYE130", 7, 7, "unknown key `file_path` in `modules[0].configs`", "`modules[0].configs.required`", True),
    Row("35_link_without_ports.yaml", "PYE135", 16, 7, "a data link reads `module.port - module.port`", "Quote the link", True),
    Row("35_missing_name.yaml", "PYE131", 4, 5, "`modules[0].name` is missing", "Write `name:`", True),
    Row("35_switch_as_text.yaml", "PYE132", 9, 14, "`modules[0].enabled`: expected true or false, found text `no`", "Write `false`", True),
    Row("35_text_as_number.yaml", "PYE132", 9, 14, "`modules[0].retries`: expected a whole number, found text `many`", "Change the value", True),
    Row("35_unknown_word.yaml", "PYE134", 1, 27, "expected `halt` or `continue`, found text `halts`", "Did you mean `halt`?", True),
    Row("36_infinite.yaml", "PYE133", 1, 21, "`settings.threads`: inf is out of range", "from 1 to 4096", True),
    # JSON has no NaN: a checker lets it pass
    Row("36_not_a_number.yaml", "PYE133", 1, 21, "`settings.timeout`: nan is out of range", "above 0 and at most 31536000", False),
    Row("36_out_of_range.yaml", "PYE133", 1, 21, "`settings.timeout`: -1 is out of range", "above 0 and at most 31536000", True),
    Row("37_one_id_twice.yaml", "PYE206", 9, 9, "two modules have the id `people` (lines 4 and 9)", "Rename one", False),
    Row("38_ids_by_case.yaml", "PYE207", 9, 9, "ids clash after normalising: `people` and `People` (lines 4 and 9)", "more than case", False),
    Row("38_ids_by_form.yaml", "PYE205", 6, 9, "not in Unicode form NFC", "caf[U+00E9]", False),
    Row("39_id_dash.yaml", "PYE200", 4, 9, "`-rf` holds `-`", "Use a letter or `_` first", True),
    Row("39_id_device.yaml", "PYE204", 4, 9, "`con` is a device name on Windows", "another name", False),
    Row("39_id_double_underscore.yaml", "PYE202", 4, 9, "`a__b` holds `__`", "Use one `_`", True),
    Row("39_id_empty.yaml", "PYE200", 4, 9, "the module id is empty", "Use a letter or `_` first", True),
    Row("39_id_long.yaml", "PYE201", 4, 9, "has 300 characters, more than 64", "Shorten it", True),
    Row("39_id_number.yaml", "PYE200", 4, 9, "begins with `1`", "Use a letter or `_` first", True),
    Row("39_id_path.yaml", "PYE200", 4, 9, "`../../etc/x` holds `.`, `/`", "Use a letter or `_` first", True),
    Row("39_id_slash.yaml", "PYE200", 4, 9, "`a/b` holds `/`", "Use a letter or `_` first", True),
    Row("39_name_device.yaml", "PYE204", 2, 9, "`nul` is a device name on Windows", "another name", False),
    Row("40_id_right_to_left.yaml", "PYE203", 4, 9, "U+202E RIGHT-TO-LEFT OVERRIDE", "Remove it", True),
    Row("40_id_zero_width.yaml", "PYE203", 4, 9, "U+200B ZERO WIDTH SPACE", "Remove it", True),
    Row("49_positions.yaml", "PYE136", 25, 5, "the position of `people`", "automatic layout", False, severity="warning"),
)

CHECK = tuple(
    Row(*values, by="check")
    for values in (
        ("34_unknown_type.yaml", "PYE300", 5, 11, "no module type `csv_sorce`", "Did you mean `csv_source`?", False),
        ("35_config_of_wrong_type.yaml", "PYE301", 20, 9, "`modules[2].configs.optional.delimiter` is a list, expected text", "For example", True),
        ("41_control_link_to_nothing.yaml", "PYE210", 11, 7, "names `report`, and there is no such module", "`people`", False),
        ("41_link_to_nothing.yaml", "PYE210", 16, 7, "names `adult`, and there is no such module", "Did you mean `adults`?", False),
        ("42_control_cycle.yaml", "PYE212", 21, 7, "a -> b -> c -> a", "Remove one", False),
        ("42_cycle.yaml", "PYE211", 15, 7, "a -> b -> c -> a", "Remove one", False),
        ("43_self_loop.yaml", "PYE211", 15, 7, "a -> a", "another module", False),
        (
            "44_two_links_one_port.yaml",
            "PYE214",
            23,
            7,
            "`adults.output - result.input` (line 22) and `people.data - result.input` (line 23)",
            "Remove one",
            False,
        ),
        ("45_wrong_port.yaml", "PYE213", 22, 7, "`adults` (filter_mod) has no output port `data`", "`output`", False),
        # which flows a flow runs is read beside the check of the flow itself
        ("46_includes_itself.yaml", "PYE281", 8, 15, "46_includes_itself.yaml -> 46_includes_itself.yaml", "Take one of them out", False),
        ("47_outside_the_project.yaml", "PYE280", 8, 15, "outside the project", "name it from here", False),
        ("48_child_is_a_device.yaml", "PYE280", 8, 15, "outside the project", "name it from here", False),
        ("50_unknown_variable.yaml", "PYE242", 8, 20, "unknown variable `{{context.nope}}`", "`context.input_dir`", False),
        ("51_attribute.yaml", "PYE240", 8, 20, "only names are allowed in {{ }}", "{{context.name}}", False),
        ("51_call.yaml", "PYE240", 8, 20, "only names are allowed in {{ }}", "{{context.name}}", False),
        ("51_sum.yaml", "PYE240", 8, 20, "only names are allowed in {{ }}", "{{context.name}}", False),
        ("52_unclosed.yaml", "PYE241", 8, 20, "`{{` is never closed", "Close it with `}}`", False),
        ("53_circle.yaml", "PYE255", 8, 20, "a -> b -> a", "Let one of them", False),
        ("55_variable_in_command_substitution.yaml", "PYE256", 8, 18, "beside a command substitution", "Split the command line", False),
        ("56_vault_in_a_note.yaml", "PYE247", 9, 11, "secrets only in fields marked secret", "Take the reference out", False),
        ("56_vault_in_a_path.yaml", "PYE247", 8, 20, "secrets only in fields marked secret", "secret field", False),
        ("57_plain_password.yaml", "PYE248", 2, 47, "holds a plain value", "{{vault:path#key}}", False),
    )
)
