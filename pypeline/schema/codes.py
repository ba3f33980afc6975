"""The one table of problem codes. ``docs/errors.md`` and ``pype explain CODE`` come from it.

load 1xx · graph 2xx · config 3xx · run 4xx · store 5xx. A code, once released, keeps its meaning.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Code:
    """What a code means (``title``), why it exists (``why``) and what to do about it (``mend``)."""

    code: str
    title: str
    why: str
    mend: str


_ROWS: tuple[tuple[str, str, str, str], ...] = (
    # --- load 1xx: reading the file -------------------------------------------------------------
    ("PYE100", "the file cannot be read", "It is missing, is not a regular file, or may not be opened.", "Check the path and the permissions."),
    ("PYE101", "the flow is empty", "A file without keys says nothing to run.", "Write at least `flow:` and `modules:`."),
    (
        "PYE102",
        "not a text file",
        "Bytes that no text holds stand at the beginning of the file.",
        "Choose the flow file itself; perhaps a picture or an archive was renamed.",
    ),
    ("PYE103", "not UTF-8", "Flow files are UTF-8, so that they mean the same on every system.", "Save the file as UTF-8 in your editor."),
    (
        "PYE104",
        "a control character",
        "Invisible control characters in a flow are mistakes or attacks.",
        "Delete the character; write it as an escape in double quotes if it is meant.",
    ),
    (
        "PYE105",
        "the file is too large",
        "A limit on bytes and values keeps a broken file from filling the memory.",
        "Split the flow into smaller ones, joined by `run_flow`.",
    ),
    ("PYE106", "nested too deep", "No flow needs that many levels; hostile files use them to crash readers.", "Check for brackets or dashes typed by mistake."),
    ("PYE107", "not valid YAML", "The text cannot be taken apart into keys and values here.", "Check the quotes, brackets and indentation of the line."),
    ("PYE108", "a TAB in the indentation", "YAML indents by spaces; a TAB has no agreed width.", "Replace the TAB by spaces."),
    ("PYE109", "a quote is not closed", "The text runs on until the end or the next quote of the file.", "Close the quote on the line where the text ends."),
    ("PYE110", "a doubled key", "Of two equal keys one would be lost without a word.", "Remove or rename one of the two."),
    (
        "PYE111",
        "a key is not text",
        "Numbers, lists and mappings as keys mean different things to different readers.",
        "Quote the key, or quote the text that begins with `{{`.",
    ),
    ("PYE112", "more than one document", "One file holds one flow.", "Put the second flow into a file of its own."),
    ("PYE113", "not a mapping at top level", "A flow file is a mapping of the keys `flow`, `modules` and others.", "Begin with `flow:`."),
    ("PYE114", "a tag is not allowed", "Tags can make a reader build arbitrary objects; a flow is plain data.", "Remove the tag."),
    (
        "PYE115",
        "an anchor or an alias",
        "Aliases can grow a small file beyond all memory and hide what a module says.",
        "Write the value out, or use a context variable.",
    ),
    ("PYE116", "a merge key", "Merge keys hide what a module says, and readers disagree about them.", "Write the keys out where they are used."),
    ("PYE120", "made by a newer version", "The file's format is newer than this version knows.", "Open it with a newer PYpeline."),
    ("PYE121", "an unknown format", "`format` is a whole number; a missing one is 1.", "Leave it out or write a known number."),
    ("PYE130", "an unknown key", "A mistyped key would otherwise be ignored without a word.", "Correct the spelling or remove the key."),
    ("PYE131", "a missing key", "The flow cannot be understood without it.", "Write the key and a value."),
    ("PYE132", "a value of the wrong kind", "The key takes another kind of value.", "Write a value of the kind named."),
    ("PYE133", "a number out of range", "The value lies outside what the key allows.", "Write a value in the range named."),
    ("PYE134", "not one of the allowed words", "The key takes one of a few words.", "Write one of the words named."),
    (
        "PYE135",
        "not a link",
        "A data link reads `module.port - module.port`, a control link `module (order|condition) module`.",
        "Quote the link and write it in that form.",
    ),
    (
        "PYE136",
        "an unusable position",
        "A position on the canvas is `[x, y]` with two finite numbers.",
        "Nothing is lost: the module is placed by the automatic layout.",
    ),
    (
        "PYE140",
        "a value that no file can hold",
        "A text with half a surrogate pair, for example, cannot be stored as UTF-8.",
        "Undo the last edit, or look for a text with broken characters.",
    ),
    # --- graph 2xx: ids, ports, links, valves, variables ------------------------------------------
    (
        "PYE200",
        "an id breaks the rule",
        "Ids become file names, column prefixes and variable names.",
        "Use a letter or `_` first, then letters, digits, `_` (flow names also `-`).",
    ),
    ("PYE201", "an id is too long", "Ids become file names; more than 64 characters do not fit everywhere.", "Shorten it."),
    ("PYE202", "`__` in an id", "`{{module__Variable}}` parts the module from its variable at `__`.", "Use one `_`."),
    (
        "PYE203",
        "an invisible character in an id",
        "Zero-width and direction-changing characters make two ids look the same.",
        "Remove the character whose code point is shown.",
    ),
    ("PYE204", "a device name as an id", "Files named `con` or `nul` cannot exist on Windows.", "Choose another name."),
    (
        "PYE205",
        "an id is not in NFC",
        "The same letters can be stored in two ways, which look the same and are not equal.",
        "Type the id again in the composed form.",
    ),
    ("PYE206", "two modules with one id", "Links and variables could not tell them apart.", "Rename one of them, and its links."),
    ("PYE207", "two ids clash", "Ids that differ by case or Unicode form only name the same file on many systems.", "Make them differ by more."),
    (
        "PYE220",
        "not a valve",
        "The text between the parentheses of a control link must read `order|condition`.",
        "Write for example `(1|)`, `(2|error)`, `(1|if {{orders__row_count}} > 0)`.",
    ),
    (
        "PYE221",
        "not an order",
        "Links of one sub flow fire in ascending order; order 0 belongs to the data links.",
        "Use 1, 2, 3 … or Last; equal orders, several roots or `start` launch in parallel.",
    ),
    ("PYE222", "unknown trigger", "A link fires on one of five triggers.", "Use ok, error, always, iterate or start; an expression follows `if`."),
    ("PYE223", "not a number of frames", "`iterate xN` runs N frames at a time; no other trigger takes a number.", "Write for example `(1|iterate x4)`."),
    (
        "PYE224",
        "a column in a valve",
        "A valve is decided between sub flows, where there is no table.",
        "Compare variables such as `{{orders__row_count}}`; put text in single quotes.",
    ),
    (
        "PYE240",
        "not a variable",
        "Only names may stand in {{ }}: no calls, attributes, filters or sums.",
        "Use one of the documented forms, for example `{{context.name}}`.",
    ),
    ("PYE241", "unclosed variable", "`{{` opens a variable and `}}` must close it.", "Close it, or take the braces out."),
    (
        "PYE242",
        "unknown variable",
        "Nothing defines this name, so the run could not fill it in.",
        "Check the spelling, or add the name to the context file or with `--set`.",
    ),
    ("PYE243", "unknown global", "Globals are set by modules, under names that their type declares.", "Check the module's id and the variable's name."),
    (
        "PYE244",
        "a global too early",
        "A global can be read only by what surely runs after the module that sets it.",
        "Read it below that module, or put a control link between the two.",
    ),
    (
        "PYE245",
        "environment variable not declared",
        "A flow reads only the environment variables that it lists under `flow.env`.",
        "Add the name to `flow.env`.",
    ),
    (
        "PYE246",
        "an iteration variable outside an iteration",
        "`{{iter.…}}` has a value only below an `iterate` link.",
        "Move the module below an iterate link, or use another variable.",
    ),
    (
        "PYE247",
        "a secret outside a secret field",
        "A secret in any other field would end up in files, logs or the screen.",
        "Use it in a field marked secret only.",
    ),
    ("PYE248", "a plain value in a secret field", "A flow file is no place for passwords.", "Put a reference there: `{{vault:path#key}}` or `{{env.NAME}}`."),
    ("PYE249", "a line break in a shell value", "A line break could start a second command.", "Pass such a value in a file or an environment variable."),
    (
        "PYE250",
        "not a context",
        "A context file is one flat mapping of names to numbers, texts, true, false or null.",
        "Flatten it, and use letters, digits and `_` in names.",
    ),
    (
        "PYE251",
        "a secret in a context",
        "Context files are read by many and kept with every run.",
        "Keep the value in the vault or the environment, and refer to it from the secret field.",
    ),
    ("PYE252", "not a setting", "`--set` takes `name=value`.", "Write for example `--set threshold=10`."),
    ("PYE253", "unknown context", "There is no context file of that name beside the flow.", "Choose one that exists, or add `context/NAME_env.json`."),
    ("PYE254", "braces in a value", "A value is never looked into for variables, so braces in it stay as they are.", "Write the value itself."),
    ("PYE255", "globals in a circle", "Each module of the circle waits for a value that the next one sets.", "Break the circle."),
    (
        "PYE290",
        "not yet",
        "The flow uses a part of the language that this version reads and checks but does not run.",
        "Take that part out to run the flow, or wait for the release that runs it.",
    ),
    # --- config 3xx: module types, configs, expressions, SQL --------------------------------------
    ("PYE330", "empty or incomplete expression", "The text ends before the expression does.", "Complete it."),
    ("PYE331", "not an expression", "The text is no scalar expression of SQL.", "Check brackets, quotes and operators near the place shown."),
    (
        "PYE332",
        "not allowed in expressions",
        "Expressions are values only: no statements, sub-queries, attributes, lambdas or comments.",
        "Say it with the documented operators and functions, or use a SQL module.",
    ),
    (
        "PYE333",
        "function not available",
        "Only documented functions that cannot reach files or change between runs are available.",
        "Choose one from the list of functions.",
    ),
    ("PYE334", "wrong number of arguments", "The function takes another number of arguments.", "Follow its signature."),
    (
        "PYE335",
        "unknown column",
        "The input has no column of that name; names match exactly, capitals included.",
        "Check the spelling; text goes in single quotes.",
    ),
    (
        "PYE336",
        "a variable that cannot stand here",
        "A variable is bound as one value: a number, a text, true, false or null; a list only inside `in (…)`.",
        "Give it such a value, or use it elsewhere.",
    ),
    ("PYE337", "over the limits", "Length, depth and cost of an expression are limited so that no expression can stall a run.", "Split it into several steps."),
    (
        "PYE338",
        "aggregate or window function outside its place",
        "A plain expression is worked out row by row.",
        "Use the aggregate module, or take the function out.",
    ),
    # --- config 37x-39x: module types, their registry, and what is gathered before planning ------------
    (
        "PYE340",
        "statement not allowed",
        "User SQL is one SELECT; whatever writes, loads or sets is refused.",
        "Write a SELECT over the inputs; sinks write, settings belong to the flow.",
    ),
    ("PYE341", "one statement per module", "A SQL module is one table, and so one SELECT.", "Use a module per statement."),
    (
        "PYE342",
        "not a declared input",
        "A SELECT may read the module's inputs and the tables of its own WITH.",
        "Link the table to the module and name its input port.",
    ),
    (
        "PYE343",
        "reaches out of the task",
        "Functions and names that reach files, settings or the environment are refused in SQL.",
        "Read the file with a source module and link it.",
    ),
    ("PYE344", "SQL that cannot be read", "The text must be readable alone as one SELECT.", "Check brackets, quotes and keywords near the place shown."),
    ("PYE345", "pivot without its values", "Column names that depend on the data cannot be known before the run.", "List the values in the pivot's IN."),
    (
        "PYE370",
        "unknown column",
        "A config names a column that does not arrive at the port.",
        "Correct the name, or let the module before it hand the column on.",
    ),
    ("PYE371", "two columns of one name", "Column names of one table must differ by more than upper and lower case.", "Give one of the columns another name."),
    ("PYE372", "types do not fit", "A module cannot do this with columns of these types.", "Retype the column at its source or with select_mod."),
    (
        "PYE374",
        "config does not fit",
        "The module type's own rules refuse this config.",
        "Change the config as the message says; `pype describe TYPE` shows all options.",
    ),
    ("PYE375", "not a module type", "A class breaks the rules of module types.", "Correct its class attributes; the page on writing a module has them all."),
    (
        "PYE376",
        "module cannot be loaded",
        "Its file cannot be imported, or does not define exactly one module class.",
        "Make the file importable by itself, with one subclass of BaseModule in it.",
    ),
    (
        "PYE377",
        "no such module",
        "Neither a file, an installed module type nor a built-in has this name.",
        "Give the path of the file, or install the package.",
    ),
    ("PYE378", "name is taken", "Another module type has this name already.", "Give the file another name."),
    ("PYE379", "registry cannot be read", "ModRegistry.json, or an entry in it, is not what `pype register-module` writes.", "Register the modules again."),
    (
        "PYE380",
        "module path not allowed",
        "Only built-ins, installed module types and files registered in this project may be loaded.",
        "Register the module here with `pype register-module`, or install its package.",
    ),
    (
        "PYE381",
        "code changed since it was registered",
        "The module's file, or code of the project that it uses, is not what was trusted.",
        "Look at the change, then register the module again.",
    ),
    (
        "PYE382",
        "module not registered here",
        "A flow uses a module of a project folder that nobody registered on this machine.",
        "Run `pype register-module` in this folder.",
    ),
    ("PYE383", "package is missing", "A module type needs a package that is not installed.", "Install it; the message names the extra or the package."),
    (
        "PYE384",
        "user code does not fit",
        "The function of a python module is missing, or gives or takes something else.",
        "Correct the function as the message says.",
    ),
    ("PYE385", "command failed", "A command ended with an exit code that is not one of the good ones, or could not be started.", "See its output in the log."),
    ("PYE390", "no such file", "A source's file does not exist, or a pattern matches nothing.", "Correct the path, or say that the file is not required."),
    ("PYE391", "not a readable file", "A source reads regular files that this user may open.", "Give the path of a regular file with read permission."),
    ("PYE392", "unknown context", "There is no context file for this environment.", "Choose one that exists, or write the file."),
    ("PYE393", "context cannot be read", "A context file is one JSON object of names and plain values.", "Correct the file at the place shown."),
    ("PYE394", "environment variable is not set", "The flow declares a variable that this environment lacks.", "Set it, or take it out of `flow.env`."),
    (
        "PYE395",
        "declared column is not in the file",
        "A source declares a column that the file's header does not have.",
        "Correct the name, or match the columns by position.",
    ),
    (
        "PYE396",
        "types were guessed",
        "A text source declares no columns, so that names and types were found by looking at the file; other files could give other types.",
        "Write the types into the flow.",
    ),
    ("PYE397", "secret in plain text", "A context variable whose name says secret holds a plain text.", "Keep it in Vault or in the environment."),
    # --- run 4xx -----------------------------------------------------------------------------------
    (
        "PYE450",
        "another protocol version",
        "A worker process and the program that started it come from different versions of PYpeline.",
        "PYpeline was probably updated while it ran: start it again.",
    ),
    ("PYE451", "no worker process", "The system refuses to start another process.", "Free some memory or processes and run again."),
    (
        "PYE452",
        "a worker ended without a result",
        "The process in which the module ran has ended by itself, so its result is not known.",
        "Look for `sys.exit` or `os._exit` in the module's code, and read its log.",
    ),
    (
        "PYE453",
        "a worker was killed",
        "A signal ended the process in which the module ran; SIGKILL often means that the memory was used up.",
        "Give the module more memory (`resources: {memory: …}`), or let less run beside it.",
    ),
    ("PYE454", "out of time", "The task ran longer than its `timeout` allows and was stopped.", "Allow more time, or make the task smaller."),
    (
        "PYE455",
        "a package is missing",
        "A module type needs a Python package that is not installed here; a run would fail in the middle.",
        "Install the package into the environment that runs the flow.",
    ),
    (
        "PYE456",
        "a sink cannot write there",
        "The folder of a sink's file is missing or may not be written to; a run would fail at its very end.",
        "Make the folder, or change its permissions or the path.",
    ),
    (
        "PYE457",
        "more than this machine has",
        "A module asks for more cpus, memory, gpus or named slots than there are, so it could never start.",
        "Ask for less, declare the slots in the flow, or run on a larger machine.",
    ),
    ("PYE458", "a source file has gone", "A file that the plan reads is no longer there.", "Put the file back, or plan again."),
    ("PYE459", "the module failed", "The module's own code raised an exception.", "Read the message, the module's log and its configs."),
    (
        "PYE460",
        "the module broke its contract",
        "What a code module returned is not what its ports promise: a mapping from output ports to tables.",
        "Return a DataFrame, an Arrow or Polars table, a Dask frame, a list or an artifact for every linked port.",
    ),
    ("PYE461", "a global that is no plain value", "Globals are texts, numbers, lists and mappings, never tables or objects.", "Hand tables on by links."),
    (
        "PYE462",
        "a condition has no value",
        "A valve's condition could not be evaluated with the values of this run.",
        "Read the message, and mend the condition.",
    ),
    (
        "PYE463",
        "the engine host gives no answer",
        "The process that binds and previews took too long and was restarted.",
        "Try again; make the flow smaller if it stays.",
    ),
    (
        "PYE464",
        "no preview of this link",
        "The link lies below a module that runs code or writes, and a preview runs neither.",
        "Run the flow once: the window then shows the last run's rows.",
    ),
    (
        "PYE465",
        "a global that nobody has set",
        "A config names a global variable whose module has not set it in this run.",
        "Let the module that sets it run first.",
    ),
    # --- run 48x, 49x: the command line and job folders ---------------------------------------------
    (
        "PYE480",
        "a bug in PYpeline",
        "Something happened that PYpeline does not foresee. The exit code is 3, and the details are in the file that the line names.",
        "Please report it with that file; values given with `--set` are left out of it, read it once before you send it.",
    ),
    (
        "PYE481",
        "the command line is not understood",
        "A command, an option or its value is unknown or missing.",
        "Run the command with `--help` to see what it takes.",
    ),
    (
        "PYE482",
        "not a flow and not a job folder",
        "A folder was given that does not hold what `pype build` writes: NAME.yaml, NAME_dag.json and NAME_execution_metadata.json.",
        "Give a flow file, or a folder that `pype build` made.",
    ),
    (
        "PYE483",
        "the job folder is damaged",
        "A file of the job folder cannot be read, is of a newer format, or the files do not belong together.",
        "Build the job again from its flow file.",
    ),
    (
        "PYE484",
        "a module's code differs from the one the job was built with",
        "A job folder records the hash of the code of every module type, so that the same job gives the same result; the code installed here is another.",
        "Build the job again with the code of this machine, or install the version it was built with.",
    ),
    (
        "PYE485",
        "relative paths in a job folder",
        "A job folder can be copied anywhere, so its relative paths start at the job folder and not where the flow file was.",
        "Put the files into the job folder, or name their folder by a context variable such as {{context.data}}.",
    ),
    (
        "PYE486",
        "no such port or link",
        "The flow has no module, port or data link of that name.",
        "Give a port as `module.port` or a link as the flow file writes it.",
    ),
    (
        "PYE487",
        "the file exists already",
        "A command that makes new files does not write over files of yours.",
        "Choose another name, or remove the file first.",
    ),
    ("PYE488", "no such run", "The project's run folder holds no run of that name.", "`pype runs` lists the runs."),
    ("PYE489", "no such name", "There is no error code or module type of that name.", "`pype explain` and `pype list-modules` list what there is."),
    # --- store 5xx ---------------------------------------------------------------------------------
    (
        "PYE500",
        "the run folder is open to everybody",
        "Anybody could change what a run trusts.",
        "Take the right away (`chmod o-w`) once you have checked the folder.",
    ),
    (
        "PYE501",
        "the run folder is somebody else's",
        "Runs keep private data there, so it must belong to who runs.",
        "Name a folder of your own in PYPELINE_HOME.",
    ),
    ("PYE502", "the run folder cannot be used", "It cannot be made, or may not be written to.", "Name a folder you may write to in PYPELINE_HOME."),
    ("PYE503", "the disk is full", "What was being written is not there; what was there before is untouched.", "Free some space there and run again."),
    (
        "PYE504",
        "cannot write",
        "The system refuses to write the file; what was there before is untouched.",
        "Check the permissions of the folder and the disk.",
    ),
)

CODES: dict[str, Code] = {row[0]: Code(*row) for row in _ROWS}
