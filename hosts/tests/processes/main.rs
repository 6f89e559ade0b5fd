//! Processes that train together: how they find each other, agree, notice that one is lost, and stop together. In a store
//! in memory, where threads stand for processes; and in a real one, as real processes with the fake plugin.

#[path = "../../../store/tests/checkpoint/common.rs"]
mod checkpoints;
#[path = "../../../xla_sys/tests/common/mod.rs"]
mod common;
mod memory;
mod save;
mod server;
mod stop;
mod stores;

use std::time::Duration;

use hosts::Patience;

/// For processes that are there.
fn patience() -> Patience {
    Patience {
        arrival: Duration::from_secs(20),
        sign: Duration::from_millis(50),
        loss: Duration::from_millis(1500),
    }
}

/// For processes that do not come.
fn impatience() -> Patience {
    Patience { arrival: Duration::from_millis(300), ..patience() }
}
