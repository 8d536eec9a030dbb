//! The workloads.

pub struct Workload {
    pub name: &'static str,
    pub title: &'static str,
    pub work: &'static str,
    pub writers: u64,
    /// The most records of a timed workload, and the number of records of the others.
    pub count: u64,
    /// The bytes of a value.
    pub len: usize,
    pub unit: &'static str,
    pub has_raw: bool,
    /// A second process opens what the first has filled.
    pub opens: bool,
}

const BASE: Workload = Workload {
    name: "",
    title: "",
    work: "",
    writers: 1,
    count: 6_000_000,
    len: 100,
    unit: "inserts a second",
    has_raw: true,
    opens: false,
};

const fn crowd(title: &'static str, writers: u64) -> Workload {
    Workload { name: "w2", title, work: "w2", writers, ..BASE }
}

pub const ALL: [Workload; 12] = [
    Workload { name: "w1", title: "W1: one writer, each insert durable", work: "w1", ..BASE },
    crowd("W2: 16 writers, each insert durable", 16),
    crowd("W2: 64 writers, each insert durable", 64),
    crowd("W2: 256 writers, each insert durable", 256),
    Workload { name: "w3", title: "W3: one writer, buffered", work: "w3", ..BASE },
    Workload { name: "w4", title: "W4: eight writers, buffered", work: "w4", writers: 8, ..BASE },
    Workload { name: "w5", title: "W5: atomic batches of 1000 inserts, durable", work: "w5", ..BASE },
    Workload {
        name: "w6",
        title: "W6: an open of a million single inserts after a close",
        work: "w6",
        count: 1_000_000,
        unit: "records a second",
        opens: true,
        ..BASE
    },
    Workload {
        name: "w6c",
        title: "W6c: an open of a checkpoint of a million entries, or of a compacted database",
        work: "w6c",
        count: 1_000_000,
        unit: "entries a second",
        opens: true,
        ..BASE
    },
    Workload {
        name: "w7",
        title: "W7: bytes on disk for each byte of payload, after 100,000 inserts",
        work: "w7",
        count: 100_000,
        unit: "bytes",
        has_raw: false,
        ..BASE
    },
    Workload {
        name: "w8",
        title: "W8: 2000 inserts a second during a checkpoint or a compaction of 500 MB",
        work: "w8",
        count: 500_000,
        len: 1000,
        unit: "worst, ms",
        ..BASE
    },
    Workload {
        name: "w9",
        title: "W9: one writer of values of 1 MiB, each durable",
        work: "w9",
        count: 1500,
        len: 1 << 20,
        unit: "MB a second",
        ..BASE
    },
];

impl Workload {
    /// Returns false for engines that have nothing to show: no checkpoint, or the same as another.
    pub fn is_for(&self, engine: &str) -> bool {
        let has_checkpoint = !["okaywal", "raft-engine", "sled"].contains(&engine);
        let is_buffered = ["w3", "w4"].contains(&self.work);
        match self.work {
            "w6c" | "w8" if !has_checkpoint => false,
            // Its size on disk is this program's choice.
            "w7" if engine == "okaywal" => false,
            _ => match engine {
                "walr-os" => is_buffered,
                "okaywal" => !is_buffered,
                _ => true,
            },
        }
    }

    pub fn is_timed(&self) -> bool {
        !["w6", "w6c", "w7", "w8"].contains(&self.work)
    }
}
