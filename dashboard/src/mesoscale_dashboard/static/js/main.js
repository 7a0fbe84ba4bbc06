// The page: which event each section draws.
import { showConnection, showHeader } from "./header.js";
import { showGraph, showProcesses } from "./graph.js";
import { recallThroughput, showThroughput } from "./throughput.js";
import { showLedger } from "./ledger.js";
import { showWeather } from "./weather.js";
import { showPayments } from "./payments.js";
import { showScores } from "./scores.js";
import { showRecords } from "./records.js";
import { listen } from "./stream.js";

function showState(state) {
  showHeader(state);
  showGraph(state);
  showThroughput(state);
  showLedger(state);
}

listen(
  {
    state: showState,
    history: recallThroughput,
    processes: showProcesses,
    weather: showWeather,
    payments: showPayments,
    scores: showScores,
    records: showRecords,
  },
  showConnection,
);
