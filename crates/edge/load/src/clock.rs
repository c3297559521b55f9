//! Waiting until a moment, to some tens of microseconds: timers of the runtime tick in milliseconds, which is longer
//! than many an answer takes.

use std::{io, time::Instant};

use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};
use tokio::net::unix::pipe::Receiver;

/// A timer of the kernel, for one waiting task. It is read as a pipe is.
#[derive(Debug)]
pub(crate) struct Timer {
    ticks: Receiver,
}

impl Timer {
    /// Within a runtime.
    pub(crate) fn new() -> io::Result<Self> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
        Ok(Self { ticks: Receiver::from_owned_fd_unchecked(timer)? })
    }

    /// Returns at that moment, or soon after; at once if it has passed.
    pub(crate) async fn until(&self, moment: Instant) -> io::Result<()> {
        let left = moment.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        let zero = Timespec { tv_sec: 0, tv_nsec: 0 };
        let value = Timespec {
            tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: left.subsec_nanos().into(),
        };
        let once = Itimerspec { it_interval: zero, it_value: value };
        timerfd_settime(&self.ticks, TimerfdTimerFlags::empty(), &once)?;
        loop {
            self.ticks.readable().await?;
            match self.ticks.try_read(&mut [0; 8]) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => return done.map(drop),
            }
        }
    }
}

/// Processor time of this process.
pub(crate) fn processor_time() -> std::time::Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    std::time::Duration::from_secs(time.tv_sec.unsigned_abs())
        + std::time::Duration::from_nanos(time.tv_nsec.unsigned_abs())
}
