// The commands, their words and their output. Acting on a feature (pause, resume, retry, approve) needs a signed-in person and its
// role: that is the dashboard's. What a ticket's state in Linear decides (start, cancel), a person's Linear key is enough for. What
// concerns everything (why, parked, hold, stop, resume) is the operator's: whoever holds the orchestrator's OPERATOR_KEY (decision 0024).

import { Command } from "commander";
import { createLinearRequest } from "../linear/client.ts";
import { explain, listParked, release, type Steer, steer } from "./operate.ts";
import { type CliSettings, SettingsMissing } from "./settings.ts";
import { readStatus } from "./status.ts";
import { listTickets, moveTicket, showTicket } from "./tickets.ts";

export interface ProgramDeps {
  /** Read when a command needs them, so that `--help` works anywhere. @throws {SettingsMissing} */
  readonly settings: (stateDir: string) => CliSettings;
  readonly print: (text: string) => void;
}

export function createProgram({ settings, print }: ProgramDeps): Command {
  const program = new Command("omakase")
    .description("Omakase from the command line.")
    .option("--state <folder>", "where the launcher keeps its state", ".omakase")
    .addHelpText(
      "after",
      "\nPausing, resuming, retrying and approving features is done on the dashboard: it knows who you are and what you may do.",
    );
  const known = () => settings(program.opts<{ state: string }>().state);
  const linear = () => createLinearRequest(known().linear);

  const ticket = program.command("ticket").description("tickets in Linear");
  ticket
    .command("list")
    .description("the tickets and where they are")
    .action(async () => {
      const tickets = await listTickets(linear());
      const width = Math.max(...tickets.map(({ state }) => state.length), 0);
      for (const { key, state, title } of tickets) print(`${key.padEnd(8)}  ${state.padEnd(width)}  ${oneLine(title)}`);
      if (tickets.length === 0) print("Linear has no tickets");
    });
  ticket
    .command("show <key>")
    .description("a ticket, what blocks it, and what has been said about it")
    .action(async (key: string) => {
      const found = await showTicket(linear(), key);
      print(`${found.key}  ${oneLine(found.title)}\n${found.state}  ${found.url}`);
      if (found.blockedBy.length > 0) print(`blocked by ${found.blockedBy.join(", ")}`);
      if (found.description) print(`\n${plainText(found.description)}`);
      for (const { by, at, body } of found.comments) print(`\n${oneLine(by)}, ${at}:\n${plainText(body)}`);
    });
  ticket
    .command("start <key>")
    .description("move it to Todo: Omakase takes it up when what blocks it is done and there is room")
    .action(async (key: string) => {
      print(`${key} is in ${await moveTicket(linear(), key, "unstarted", "Todo")}: Omakase takes it from here`);
      const { webUrl } = known();
      if (webUrl) print(`watch it at ${webUrl}/projects`);
    });
  ticket
    .command("cancel <key>")
    .description("move it to Canceled: whatever works on it stops")
    .action(async (key: string) => {
      print(`${key} is in ${await moveTicket(linear(), key, "canceled", "Canceled")}: what works on it stops`);
    });

  program
    .command("why <key>")
    .description("why a feature is not running: every reason at once")
    .option("--project <address>", "organisation/project, when several have that key")
    .action(async (key: string, { project }: { project?: string }) =>
      print(plainText(await explain(known(), key, project ?? null))),
    );

  const parked = program.command("parked").description("actors that wait for a person, because an event failed three times");
  parked
    .command("list")
    .description("what is parked, with the event, its sender and its error")
    .option("--project <address>", "organisation/project; all of them without")
    .action(async ({ project }: { project?: string }) => print(plainText(await listParked(known(), project ?? null))));
  parked
    .command("retry <address>")
    .description("put it back into service: its event is tried again")
    .option("--reason <text>", "kept in the audit", "")
    .action(async (address: string, { reason }: { reason: string }) =>
      print(plainText(await release(known(), address, "retry", reason))),
    );
  parked
    .command("drop <address>")
    .description("give its event up for good and put it back into service")
    .requiredOption("--reason <text>", "shown in its log, kept in the audit")
    .action(async (address: string, { reason }: { reason: string }) =>
      print(plainText(await release(known(), address, "drop", reason))),
    );

  const brake = (name: string, description: string, command: (reason: string) => Steer) =>
    program
      .command(name)
      .description(description)
      .option("--all", "every organisation here")
      .option("--organization <slug>", "one organisation")
      .option("--reason <text>", "shown to everybody who is stopped", "")
      .action(async (options: { all?: true; organization?: string; reason: string }) => {
        if (options.all === undefined && options.organization === undefined)
          throw new SettingsMissing(`say what to ${name}: --all, or --organization <slug>`);
        print(await steer(known(), options.organization ?? null, command(options.reason)));
      });
  const hold = (mode: "starts" | "drain" | "stop") => (reason: string) => ({ kind: "hold", mode, reason }) as const;
  brake("stop", "emergency: stop every agent now and hold everything; needs --reason", hold("stop"));
  brake("drain", "let the agents at work finish, and begin no further stage", hold("drain"));
  brake("hold", "admit no new feature; those at work go on to their end", hold("starts"));
  brake("resume", "lift what stop, drain or hold did", () => ({ kind: "resume" }));

  program
    .command("status")
    .description("whether the orchestrator works, and how much it has to do")
    .action(async () => print(await readStatus(known().orchestratorUrl)));
  return program;
}

/** A ticket's words are a stranger's: no control sequence of theirs reaches the terminal. */
const plainText = (text: string) => text.replace(/[\p{Cc}--[\n\t]]/gv, "");
const oneLine = (text: string) => plainText(text).replace(/\s+/g, " ");
