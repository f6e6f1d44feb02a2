//! How much memory the process holds.

/// The process's resident memory in bytes; `None` where the system does not tell, which is anywhere but on
/// Linux.
pub(crate) fn resident_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    parse(&status)
}

/// The entry `VmRSS:   1234 kB`, whose kB are 1,024 bytes.
fn parse(status: &str) -> Option<u64> {
    let mut lines = status.lines();
    let entry = lines.find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = entry.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kilobytes.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_entry_is_in_units_of_1024_bytes() {
        let status = "VmHWM:\t   99 kB\nVmRSS:\t   12 kB\nThreads:\t1\n";
        assert_eq!(parse(status), Some(12 * 1024));
        assert_eq!(parse("Threads:\t1\n"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_holds_memory() {
        let before = resident_memory().expect("Linux tells");
        let held = vec![1u8; 64 << 20];
        let after = resident_memory().expect("Linux tells");
        assert!(held.iter().all(|&byte| byte == 1));
        assert!(before > 1 << 20 && after > before, "{before} to {after}");
    }
}
