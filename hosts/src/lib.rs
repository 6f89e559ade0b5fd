//! Processes of several hosts that find each other, agree, and notice when one is lost.
//!
//! Each is started with the same configuration, its number, and the address of a store that all of them reach
//! ([`Identity`]; a server that speaks Redis's protocol, [`RedisStore`]). [`Group::join`] finds the others there;
//! [`Group::agree`] makes sure that all of them are about to do the same thing, and names the one that is not; and
//! from then on each shows that it is alive, and learns when another is not. What decides that all stop
//! at the same step is [`Group::stopping`], and that they save at the same one [`Group::appointment`].
//!
//! What is said through the store is kept apart by run directory and by start: what an earlier start of the same run left
//! there is never read. The plugins of the processes find each other through it too.
//!
//! ```text
//! gopher/RUN/leader                  the start that process 0 is of
//! gopher/RUN/hello/3                 process 3 is there: a number it drew
//! gopher/RUN/answer/3/NUMBER         the start that process 0 is of, for the one that drew it
//! gopher/RUN/START/TOPIC/3           what process 3 says on a topic
//! gopher/RUN/START/alive/3           a number that grows while process 3 lives
//! gopher/RUN/START/failed            why the processes of this start are to end
//! gopher/RUN/START/stop              before which step all of them stop
//! gopher/RUN/START/save              between which steps all of them save
//! gopher/RUN/START/plugin/KEY        what the plugins say to each other
//! ```
//!
//! What is absent: nothing here knows what the processes compute.

mod agreement;
mod appointment;
mod error;
mod group;
mod identity;
mod life;
mod plugin_store;
mod redis;
mod server;
mod stop;

pub use agreement::Facts;
pub use appointment::Appointment;
pub use error::Error;
pub use group::{Group, Patience};
pub use identity::{Given, Identity, IdentityError};
pub use redis::{Coordinator, RedisStore};
pub use stop::Stopping;
