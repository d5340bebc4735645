//! How much memory there is.

use sysinfo::{Process, ProcessRefreshKind, ProcessesToUpdate, System, get_current_pid};

/// What this process may use, in MiB: the machine's, or less where its container or its unit of systemd may have less;
/// 0 where the system does not say.
pub(super) fn available() -> u64 {
    bytes().unwrap_or(0) >> 20
}

fn bytes() -> Option<u64> {
    let mut system = System::new().ok()?;
    system.refresh_memory();
    let own = get_current_pid().ok()?;
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&[own]), false, ProcessRefreshKind::nothing());
    let limits = system.process(own).and_then(Process::cgroup_limits);
    Some(limits.map_or(system.total_memory(), |limits| limits.total_memory))
}
