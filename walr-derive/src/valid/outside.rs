//! What lies outside a state, and answers a replay otherwise than it answered the call.

/// Something that a mutation's body can't ask.
pub(super) struct Outside {
    /// What is asked.
    pub(super) what: &'static str,
    paths: &'static [Pattern],
    /// The parameter that records the answer.
    pub(super) instead: &'static str,
}

/// Which paths mean it.
enum Pattern {
    /// Those that end so, however they begin: a type's own function, or a type of a telling name.
    Ends(&'static [&'static str]),
    /// Those that begin so.
    Begins(&'static [&'static str]),
    /// One of the functions of a module that is called by the module's name; a module of the user's own may share the
    /// name, and not the functions.
    Of(&'static str, &'static [&'static str]),
    /// Calls of a function of this name, wherever it stands.
    Called(&'static str),
}

use Pattern::{Begins, Called, Ends, Of};

const TIME: &str = "the clock";
const CHANCE: &str = "a random source";
const ENVIRONMENT: &str = "the environment";

/// All of it that tokens can show.
const ALL: &[Outside] = &[
    Outside {
        what: TIME,
        paths: &[
            Ends(&["SystemTime", "now"]),
            Ends(&["SystemTime", "elapsed"]),
            Ends(&["Instant", "now"]),
            Ends(&["Instant", "elapsed"]),
        ],
        instead: "#[record(SystemTime::now())] at: SystemTime",
    },
    Outside {
        what: TIME,
        paths: &[Ends(&["Utc", "now"]), Ends(&["Utc", "today"])],
        instead: "#[record(Utc::now())] at: DateTime<Utc>",
    },
    Outside {
        what: TIME,
        paths: &[Ends(&["Local", "now"]), Ends(&["Local", "today"])],
        instead: "#[record(Local::now())] at: DateTime<Local>",
    },
    Outside {
        what: TIME,
        paths: &[Ends(&["OffsetDateTime", "now_utc"]), Ends(&["OffsetDateTime", "now_local"])],
        instead: "#[record(OffsetDateTime::now_utc())] at: OffsetDateTime",
    },
    Outside { what: TIME, paths: &[Ends(&["Timestamp", "now"])], instead: "#[record(Timestamp::now())] at: Timestamp" },
    Outside { what: TIME, paths: &[Ends(&["Zoned", "now"])], instead: "#[record(Zoned::now())] at: Zoned" },
    Outside { what: CHANCE, paths: &[Ends(&["Uuid", "new_v4"])], instead: "#[record(Uuid::new_v4())] id: Uuid" },
    Outside {
        what: "the clock and a random source",
        paths: &[Ends(&["Uuid", "now_v7"]), Ends(&["Uuid", "now_v6"]), Ends(&["Uuid", "now_v1"])],
        instead: "#[record(Uuid::now_v7())] id: Uuid",
    },
    Outside {
        what: "the clock and a random source",
        paths: &[Ends(&["Ulid", "new"])],
        instead: "#[record(Ulid::new())] id: Ulid",
    },
    // Not the whole of rand: a generator that is made of a recorded seed is as it should be.
    Outside {
        what: CHANCE,
        paths: &[
            Of(
                "rand",
                &["fill", "random", "random_bool", "random_iter", "random_range", "random_ratio", "rng", "thread_rng"],
            ),
            Begins(&["rand", "prelude", "random"]),
            Begins(&["rand", "prelude", "rng"]),
            Called("thread_rng"),
            Ends(&["ThreadRng"]),
            Ends(&["ThreadRng", "default"]),
            Ends(&["OsRng"]),
            Ends(&["SysRng"]),
            Ends(&["StdRng", "from_entropy"]),
            Ends(&["StdRng", "from_os_rng"]),
            Ends(&["SmallRng", "from_entropy"]),
            Ends(&["SmallRng", "from_os_rng"]),
            Begins(&["getrandom"]),
            Of(
                "fastrand",
                &[
                    "alphabetic",
                    "alphanumeric",
                    "bool",
                    "char",
                    "choice",
                    "choose_multiple",
                    "digit",
                    "f32",
                    "f64",
                    "fill",
                    "i8",
                    "i16",
                    "i32",
                    "i64",
                    "i128",
                    "isize",
                    "lowercase",
                    "shuffle",
                    "u8",
                    "u16",
                    "u32",
                    "u64",
                    "u128",
                    "uppercase",
                    "usize",
                ],
            ),
            Begins(&["fastrand", "Rng", "new"]),
        ],
        instead: "#[record(rand::random())] seed: u64",
    },
    Outside {
        what: ENVIRONMENT,
        paths: &[
            Begins(&["std", "env"]),
            Of(
                "env",
                &[
                    "args",
                    "args_os",
                    "current_dir",
                    "current_exe",
                    "home_dir",
                    "remove_var",
                    "set_current_dir",
                    "set_var",
                    "temp_dir",
                    "var",
                    "var_os",
                    "vars",
                    "vars_os",
                ],
            ),
        ],
        instead: "#[record(std::env::var(\"NAME\").ok())] name: Option<String>",
    },
    Outside {
        what: "the file system",
        paths: &[
            Begins(&["std", "fs"]),
            Of(
                "fs",
                &[
                    "canonicalize",
                    "copy",
                    "create_dir",
                    "create_dir_all",
                    "exists",
                    "hard_link",
                    "metadata",
                    "read",
                    "read_dir",
                    "read_link",
                    "read_to_string",
                    "remove_dir",
                    "remove_dir_all",
                    "remove_file",
                    "rename",
                    "set_permissions",
                    "symlink_metadata",
                    "write",
                ],
            ),
            Ends(&["File", "open"]),
            Ends(&["File", "create"]),
            Ends(&["File", "create_new"]),
            Ends(&["File", "options"]),
            Ends(&["OpenOptions", "new"]),
        ],
        instead: "#[record(std::fs::read_to_string(\"path\").ok())] text: Option<String>",
    },
    Outside {
        what: "the network",
        paths: &[
            Ends(&["TcpStream", "connect"]),
            Ends(&["TcpStream", "connect_timeout"]),
            Ends(&["TcpListener", "bind"]),
            Ends(&["UdpSocket", "bind"]),
            Ends(&["UnixStream", "connect"]),
            Ends(&["UnixListener", "bind"]),
            Ends(&["UnixDatagram", "bind"]),
            Begins(&["reqwest"]),
            Begins(&["ureq"]),
        ],
        instead: "#[record(ask())] answer: Option<String>",
    },
    Outside {
        what: "the operating system",
        paths: &[
            Begins(&["std", "process"]),
            Of("process", &["id"]),
            Begins(&["std", "thread", "available_parallelism"]),
            Of("thread", &["available_parallelism"]),
        ],
        instead: "#[record(std::process::id())] process: u32",
    },
    Outside {
        what: "which thread it runs on",
        paths: &[Begins(&["std", "thread", "current"]), Of("thread", &["current"])],
        instead: "#[record(format!(\"{:?}\", std::thread::current().id()))] thread: String",
    },
    Outside {
        what: "the terminal",
        paths: &[Begins(&["std", "io", "stdin"]), Of("io", &["stdin"])],
        instead: "#[record(ask())] answer: Option<String>",
    },
];

/// What the path of `segments` asks; `is_called` says whether arguments follow it.
pub(super) fn asked(segments: &[String], is_called: bool) -> Option<&'static Outside> {
    ALL.iter().find(|outside| outside.paths.iter().any(|pattern| pattern.matches(segments, is_called)))
}

impl Pattern {
    fn matches(&self, segments: &[String], is_called: bool) -> bool {
        match self {
            Ends(end) => ends_with(segments, end),
            // A name alone may be a variable's.
            Begins(start) => segments.len() >= start.len().max(2) && same(&segments[..start.len()], start),
            Of(module, functions) => match segments {
                [first, second] => first == module && functions.contains(&second.as_str()),
                _ => false,
            },
            Called(name) => is_called && ends_with(segments, &[*name]),
        }
    }
}

fn ends_with(segments: &[String], end: &[&str]) -> bool {
    segments.len().checked_sub(end.len()).is_some_and(|start| same(&segments[start..], end))
}

fn same(segments: &[String], names: &[&str]) -> bool {
    segments.len() == names.len() && segments.iter().zip(names).all(|(segment, name)| segment == name)
}
