// A stranger's Markdown as text on our page: no HTML, no pictures, no links but http(s) and mail.

import { Square, SquareCheck } from "lucide-react";
import ReactMarkdown, { type Components } from "react-markdown";
import remarkGfm from "remark-gfm";

const COMPONENTS: Components = {
  a: ({ href, children }) => (
    <a href={href} target="_blank" rel="noreferrer nofollow" className="break-words underline">
      {children}
    </a>
  ),
  // A picture is a request to whoever wrote the text: its words are enough.
  img: ({ alt }) => <em>[picture{alt ? `: ${alt}` : ""}]</em>,
  // Items of a task list: a fact, not a control.
  input: ({ checked }) => {
    const Icon = checked ? SquareCheck : Square;
    return <Icon role="img" aria-label={checked ? "Done:" : "Open:"} size={16} className="mr-1 inline align-[-2px]" />;
  },
  h1: ({ children }) => <p className="font-display text-lg font-bold">{children}</p>,
  h2: ({ children }) => <p className="font-display text-lg font-bold">{children}</p>,
  h3: ({ children }) => <p className="font-display font-bold">{children}</p>,
  ul: ({ children }) => <ul className="list-disc pl-6 [&>.task-list-item]:list-none">{children}</ul>,
  ol: ({ children }) => <ol className="list-decimal pl-6">{children}</ol>,
  blockquote: ({ children }) => <blockquote className="border-l-4 pl-3 text-muted">{children}</blockquote>,
  pre: ({ children }) => <pre className="overflow-auto rounded-control border-2 bg-paper p-2 text-sm">{children}</pre>,
  code: ({ children }) => <code className="font-mono text-[0.9em] break-words">{children}</code>,
  table: ({ children }) => (
    <table className="block overflow-auto [&_td]:border-2 [&_td]:px-2 [&_th]:border-2 [&_th]:px-2">{children}</table>
  ),
};

export function Markdown({ text }: { text: string }) {
  return (
    <div className="flex min-w-0 flex-col gap-2 break-words">
      <ReactMarkdown remarkPlugins={[remarkGfm]} components={COMPONENTS}>
        {text}
      </ReactMarkdown>
    </div>
  );
}
