//! What processes have used, from `/proc`.

use std::{fs, time::Duration};

/// Linux counts processor time for programs in hundredths of a second, whatever its clock does.
const TICK: Duration = Duration::from_millis(10);

/// The processor time of a process, of those of its children that it has waited for, and of those that run.
pub(crate) fn processor_time(process: u32) -> Duration {
    let own = Usage::of(process).map(|usage| usage.own + usage.of_children).unwrap_or_default();
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let running = ids.filter_map(Usage::of).filter(|usage| usage.parent == process);
    own + running.map(|usage| usage.own).sum::<Duration>()
}

/// The processor time of those children that this process has waited for.
pub(crate) fn processor_time_of_ended_children() -> Duration {
    Usage::of(std::process::id()).map(|usage| usage.of_children).unwrap_or_default()
}

/// The most memory that a process has had in RAM since [`forget_peak`], in bytes.
pub(crate) fn peak_memory(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kibibytes = peak.and_then(|peak| peak.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kibibytes.unwrap_or_default() * 1024
}

/// Begins to count the peak of memory anew (`5` does so, see proc(5)).
pub(crate) fn forget_peak(process: u32) {
    // Where that is not allowed, the peak is that of the whole life of the process.
    let _ = fs::write(format!("/proc/{process}/clear_refs"), "5");
}

struct Usage {
    parent: u32,
    own: Duration,
    of_children: Duration,
}

impl Usage {
    fn of(process: u32) -> Option<Self> {
        let text = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
        // The name comes before, in parentheses, and may hold anything.
        let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
        let ticks = |place: usize| Some(TICK * fields.get(place)?.parse().ok()?);
        Some(Self {
            parent: fields.get(1)?.parse().ok()?,
            own: ticks(11)? + ticks(12)?,
            of_children: ticks(13)? + ticks(14)?,
        })
    }
}
