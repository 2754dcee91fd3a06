import { describeCrashes, describeCrashPlan } from "./crash-suite.ts";

describeCrashPlan();

describeCrashes("SQLite", async () => ({ database: undefined, close: async () => {} }));
