//! The gateway between real sockets: what members see, what clients see, and what happens when either side
//! misbehaves.

mod admin;
mod balance;
mod cache;
mod capture;
mod compress;
mod faults;
mod hostile;
mod kit;
mod nginx;
mod passing;
mod reload;
mod slow;
mod smuggling;
mod telling;
mod two;
