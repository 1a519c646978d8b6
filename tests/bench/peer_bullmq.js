// Lives a second through a BullMQ priority queue: as many in flight as there are workers.
//   node peer_bullmq.js PORT WORKERS SECONDS       needs bullmq (NODE_PATH)
"use strict";
const { Queue, Worker } = require("bullmq");

const [port, workers, seconds] = process.argv.slice(2).map(Number);
const connection = { host: "127.0.0.1", port, maxRetriesPerRequest: null };
const queue = new Queue("contacts", { connection });
const payload = "x".repeat(1000);
let done = 0;
let begun = 0;

function add() {
  const priority = 1 + Math.floor(Math.random() * 1000);
  return queue.add("contact", { payload }, { priority, removeOnComplete: true });
}

async function main() {
  const worker = new Worker("contacts", async () => {}, { connection, concurrency: workers });
  worker.on("completed", () => {
    done += 1;
    add();
  });
  await worker.waitUntilReady();
  for (let i = 0; i < workers; i++) await add();
  setTimeout(() => { begun = done; }, 1000);
  setTimeout(() => {
    console.log(JSON.stringify({ lives_s: (done - begun) / seconds }));
    process.exit(0);
  }, 1000 + seconds * 1000);
}

main();
