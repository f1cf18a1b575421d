"use client";
// What a role handed in: the plan, the changes, the remarks, the evidence.

import { CircleCheck, CircleX } from "lucide-react";
import type { ReactNode } from "react";
import { type Fill, Pill } from "../../elements/Pill.tsx";
import { Markdown } from "../feature/Markdown.tsx";
import { pretty } from "../transitions/describe.ts";
import type { Evidence, Remark, RoleResult } from "./results.ts";

export function ResultView({ result }: { result: RoleResult }) {
  switch (result.role) {
    case "architect":
      return (
        <Sections summary={result.summary}>
          <Part title="Plan">
            <Markdown text={result.plan} />
          </Part>
          <Listed title="Steps" items={result.steps} isOrdered />
          <Listed title="Acceptance" items={result.acceptance} />
          <Listed title="Files" items={result.files} isCode />
        </Sections>
      );
    case "coder":
      return (
        <Sections summary={result.summary}>
          <Part title="Changes">
            <ul className="flex flex-col gap-1.5">
              {result.changes.map(({ path, why }) => (
                <li key={path}>
                  <code className="font-mono text-sm break-all">{path}</code>
                  <span className="block text-muted">{why}</span>
                </li>
              ))}
            </ul>
          </Part>
          <Part title="Tests it ran">{result.testsRun}</Part>
        </Sections>
      );
    case "reviewer":
      return (
        <Sections summary={result.summary} verdict={<Verdict text={result.verdict} isGood={result.verdict === "approve"} />}>
          {result.remarks.length > 0 && (
            <Part title="Remarks">
              <ul className="flex flex-col gap-2">
                {result.remarks.map((remark) => (
                  <RemarkItem key={`${remark.path} ${remark.line} ${remark.message}`} remark={remark} />
                ))}
              </ul>
            </Part>
          )}
        </Sections>
      );
    case "tester":
      return (
        <Sections summary={result.summary} verdict={<Verdict text={result.verdict} isGood={result.verdict === "pass"} />}>
          <Part title="Command">
            <code className="font-mono text-sm break-all">{result.command}</code>
          </Part>
          <Part title="Evidence">
            <ul className="flex flex-col gap-2">
              {result.evidence.map((evidence) => (
                <EvidenceItem key={evidence.check} evidence={evidence} />
              ))}
            </ul>
          </Part>
        </Sections>
      );
    case "unknown":
      return <pre className="overflow-auto font-mono text-xs whitespace-pre-wrap break-words">{pretty(result.json)}</pre>;
    default:
      return result satisfies never;
  }
}

function Sections({ summary, verdict, children }: { summary: string; verdict?: ReactNode; children: ReactNode }) {
  return (
    <div className="flex flex-col gap-4">
      <div className="flex flex-wrap items-start gap-2">
        {verdict}
        <p className="min-w-0 flex-1 basis-60 break-words">{summary}</p>
      </div>
      {children}
    </div>
  );
}

function Part({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section>
      <h4 className="mb-1 font-display font-bold">{title}</h4>
      <div className="min-w-0 break-words">{children}</div>
    </section>
  );
}

function Listed({
  title,
  items,
  isOrdered = false,
  isCode = false,
}: {
  title: string;
  items: readonly string[];
  isOrdered?: boolean;
  isCode?: boolean;
}) {
  if (items.length === 0) return null;
  const List = isOrdered ? "ol" : "ul";
  return (
    <Part title={title}>
      <List className={isOrdered ? "list-decimal pl-6" : "list-disc pl-6"}>
        {[...new Set(items)].map((item) => (
          <li key={item}>{isCode ? <code className="font-mono text-sm break-all">{item}</code> : item}</li>
        ))}
      </List>
    </Part>
  );
}

const VERDICTS: Readonly<Record<string, string>> = {
  approve: "Approved",
  request_changes: "Changes requested",
  pass: "Passed",
  fail: "Failed",
};

function Verdict({ text, isGood }: { text: string; isGood: boolean }) {
  return (
    <Pill fill={isGood ? "lime" : "pink"} icon={isGood ? <CircleCheck size={14} /> : <CircleX size={14} />}>
      {VERDICTS[text] ?? text}
    </Pill>
  );
}

const SEVERITY: Readonly<Record<string, Fill>> = { blocker: "danger", major: "tomato", minor: "mango", nit: "none" };

function RemarkItem({ remark: { path, line, severity, message } }: { remark: Remark }) {
  return (
    <li className="flex flex-col gap-1 border-l-4 pl-3">
      <span className="flex flex-wrap items-center gap-2">
        <Pill fill={SEVERITY[severity] ?? "none"}>{severity}</Pill>
        <code className="font-mono text-sm break-all">
          {path}
          {line !== null && `:${line}`}
        </code>
      </span>
      <span className="break-words">{message}</span>
    </li>
  );
}

function EvidenceItem({ evidence: { check, passed, output } }: { evidence: Evidence }) {
  return (
    <li className="flex flex-col gap-1">
      <span className="flex items-start gap-2">
        {passed ? (
          <CircleCheck aria-hidden="true" size={18} className="mt-1 shrink-0" />
        ) : (
          <CircleX aria-hidden="true" size={18} className="mt-1 shrink-0" />
        )}
        <span className="min-w-0 break-words">
          <span className="sr-only">{passed ? "Holds: " : "Does not hold: "}</span>
          {check}
          {!passed && <strong> does not hold</strong>}
        </span>
      </span>
      {output !== "" && (
        <pre className="max-h-40 overflow-auto rounded-control border-2 bg-paper px-2 py-1 font-mono text-xs whitespace-pre-wrap break-words">
          {output}
        </pre>
      )}
    </li>
  );
}
