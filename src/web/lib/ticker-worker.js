/* A clock that goes on in a hidden page: timers of a page itself are slowed down to one a minute there. */
setInterval(() => postMessage(0), 1000);
