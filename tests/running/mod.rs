//! Processes that end with the test that started them.

use std::io;
use std::ops::{Deref, DerefMut};
use std::process::{Child, Command, Output};

/// A process that is killed when this goes out of scope, as it does when a test panics.
pub struct Running(Option<Child>);

impl Running {
    /// As [`Child::wait_with_output`].
    #[allow(dead_code)]
    pub fn wait_with_output(mut self) -> io::Result<Output> {
        self.0.take().expect("only this takes it").wait_with_output()
    }
}

impl Deref for Running {
    type Target = Child;

    fn deref(&self) -> &Child {
        self.0.as_ref().expect("only the end takes it")
    }
}

impl DerefMut for Running {
    fn deref_mut(&mut self) -> &mut Child {
        self.0.as_mut().expect("only the end takes it")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It is no failure that it has ended before.
        if let Some(child) = &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// What tests start programs with that may not end by themselves.
pub trait Start {
    /// As [`Command::spawn`].
    fn start(&mut self) -> Running;
}

impl Start for Command {
    #[track_caller]
    fn start(&mut self) -> Running {
        Running(Some(self.spawn().unwrap()))
    }
}
