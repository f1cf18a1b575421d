"use client";
// The boundary around one panel: when it breaks, it alone shows the error, and can be tried again.

import { Component, type ReactNode } from "react";
import { ErrorPanel } from "./ErrorPanel.tsx";
import { refusalOf } from "./refusal.ts";

interface Props {
  /** What could not be shown: "The board". */
  readonly what: string;
  readonly children: ReactNode;
}

type State = { readonly kind: "fine" } | { readonly kind: "broken"; readonly error: unknown };

export class PanelBoundary extends Component<Props, State> {
  override state: State = { kind: "fine" };

  static getDerivedStateFromError(error: unknown): State {
    return { kind: "broken", error };
  }

  override render() {
    if (this.state.kind === "fine") return this.props.children;
    const { code, message, requestId } = refusalOf(this.state.error);
    return (
      <ErrorPanel
        title={code === "forbidden" ? "Not for you" : `${this.props.what} cannot be shown`}
        message={message}
        errorId={requestId}
        onRetry={() => this.setState({ kind: "fine" })}
      />
    );
  }
}
