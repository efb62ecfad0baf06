//! The ring buffer: samples in the order in which they were reserved, over all CPUs.
//!
//! Samples wait for a timer, not for a wake-up each (docs/overhead.md). The programs wake us by force
//! when much is waiting; the edge-triggered epoll reports that, and not the mere presence of samples.

use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use aya::maps::{MapData, RingBuf};
use rustix::event::{EventfdFlags, Timespec, epoll, eventfd};
use rustix::io::Errno;

/// The reading end of the programs' ring.
pub struct Ring {
    ring: RingBuf<MapData>,
    epoll: OwnedFd,
    waker: Waker,
    size: u32,
}

/// Ends a wait of [`Ring::wait`] from another thread.
#[derive(Clone, Debug)]
pub struct Waker(Arc<OwnedFd>);

impl Waker {
    /// Ends the current wait, or the next one.
    pub fn wake(&self) {
        // The only failure is a counter that is full: then the wait ends anyway.
        let _woken = rustix::io::write(&self.0, &1u64.to_ne_bytes());
    }
}

// === impl Ring ===

impl Ring {
    pub(super) fn new(ring: RingBuf<MapData>, size: u32) -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let waker = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        let edge = epoll::EventFlags::IN | epoll::EventFlags::ET;
        epoll::add(&epoll, &ring, epoll::EventData::new_u64(0), edge)?;
        epoll::add(&epoll, waker.as_fd(), epoll::EventData::new_u64(1), edge)?;
        Ok(Self {
            ring,
            epoll,
            waker: Waker(Arc::new(waker)),
            size,
        })
    }

    /// Bytes of the ring.
    pub fn size(&self) -> u32 {
        self.size
    }

    /// What ends a wait from another thread.
    pub fn waker(&self) -> Waker {
        self.waker.clone()
    }

    /// Sleeps until `timeout`, until much is waiting, or until it is woken.
    ///
    /// # Errors
    ///
    /// What `epoll_wait` says; an interruption by a signal is none.
    pub fn wait(&self, timeout: Duration) -> io::Result<()> {
        let timeout = Timespec::try_from(timeout).unwrap_or(Timespec {
            tv_sec: 1,
            tv_nsec: 0,
        });
        let mut events = [epoll::Event {
            flags: epoll::EventFlags::empty(),
            data: epoll::EventData::new_u64(0),
        }; 2];
        match epoll::wait(&self.epoll, &mut events[..], Some(&timeout)) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            // epoll_pwait2 came with 5.11; rustix falls back, but a filter may refuse it.
            Err(error) => Err(error.into()),
        }
    }

    /// The next sample, if there is one. It stays valid until the next call.
    pub fn next_sample<T>(&mut self, read: impl FnOnce(&[u8]) -> T) -> Option<T> {
        self.ring.next().map(|sample| read(&sample))
    }
}
