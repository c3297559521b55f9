//! The gateway between real sockets: what members see, what clients see, and what happens when either side
//! misbehaves.

mod balance;
mod faults;
mod hostile;
mod kit;
mod nginx;
mod passing;
mod reload;
mod two;
